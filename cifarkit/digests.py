"""Digests of content: every hash that an id, a fingerprint or a checksum is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from typing_extensions import Buffer

Algorithm = Literal["sha256", "blake2b", "md5"]

_NEW: dict[Algorithm, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "blake2b": partial(hashlib.blake2b, digest_size=16),
    "md5": partial(hashlib.md5, usedforsecurity=False),
}


def digest(content: Iterable[Buffer], algorithm: Algorithm = "sha256") -> str:
    """The hexadecimal digest of some content, which comes in parts of any size.

    Args:
        content: Its bytes.
        algorithm: SHA-256 for ids and checksums; BLAKE2b, of 16 bytes, for data sets; MD5 for
            CIFAR's archives, of which no other digest is published.
    """
    state = _NEW[algorithm]()
    for part in content:
        state.update(part)
    return str(state.hexdigest())


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """What is left of a file, in blocks of 1 MiB."""
    return iter(partial(stream.read, 2**20), b"")


def json_digest(value: object, digits: int = 8) -> str:
    """The first digits of the SHA-256 of a JSON value, whatever the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return digest([canonical.encode()])[:digits]

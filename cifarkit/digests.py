"""Digests of content: every hash that an id, a fingerprint or a checksum is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

Algorithm = Literal["sha256", "blake2b", "md5"]
"""SHA-256 for ids and checksums; BLAKE2b, of 16 bytes, for images; MD5 for CIFAR's archives only,
whose publisher gives it."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def digest(content: Iterable[Buffer], algorithm: Algorithm = "sha256") -> str:
    """The hexadecimal digest of some content, which comes in parts of any size."""
    state: Any
    match algorithm:
        case "sha256":
            state = hashlib.sha256()
        case "blake2b":
            state = hashlib.blake2b(digest_size=16)
        case "md5":
            state = hashlib.md5(usedforsecurity=False)
    for part in content:
        state.update(part)
    return str(state.hexdigest())


def blocks(stream: _Readable) -> Iterator[bytes]:
    """What is left of a file, in blocks of 1 MiB."""
    return iter(partial(stream.read, 2**20), b"")


def json_digest(value: object, digits: int = 8) -> str:
    """The first digits of the SHA-256 of a JSON value, whatever the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return digest([canonical.encode()])[:digits]

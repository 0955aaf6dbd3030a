"""A disk cache of arrays that are costly to compute.

An entry is a directory of `.npy` files with their checksums. It is written under a temporary name
and renamed, so that it is complete or absent. If the cache is not writable or an entry is damaged,
the caller computes the arrays again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.atomic_write import partial_folder
from cifarkit.digests import blocks

Arrays = dict[str, npt.NDArray[Any]]

CHECKSUMS = "checksums.json"
"""The file of an entry with the CRC-32 of each other file, by stem."""


def directory() -> Path:
    """`CIFARKIT_CACHE`, else `cifarkit` in `XDG_CACHE_HOME`, else `~/.cache/cifarkit`."""
    own = os.environ.get("CIFARKIT_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    return Path(os.path.abspath(os.path.expanduser(own or os.path.join(shared, "cifarkit"))))


def read(entry: str) -> Arrays | None:
    """The arrays of an entry as read-only memory maps; None if it is absent or damaged."""
    folder = directory() / entry
    try:
        checksums = json.loads((folder / CHECKSUMS).read_text())
        if any(_checksum(folder / f"{name}.npy") != crc for name, crc in checksums.items()):
            return None
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in checksums}
    except (OSError, ValueError, AttributeError):
        return None


def write(entry: str, arrays: Arrays) -> None:
    """Store arrays under a name, replacing an entry; does nothing if the cache is not writable."""
    root = directory()
    with contextlib.suppress(OSError):
        # Not `tempfile`, which restricts access to the owner: a cache may be shared.
        temporary = root / f".{entry}.{secrets.token_hex(6)}"
        with partial_folder(temporary):
            for name, array in arrays.items():
                np.save(temporary / f"{name}.npy", array)
            checksums = {name: _checksum(temporary / f"{name}.npy") for name in arrays}
            (temporary / CHECKSUMS).write_text(json.dumps(checksums))
            _put(temporary, root / entry)


def _put(temporary: Path, target: Path) -> None:
    """Rename a directory into place, moving an existing (damaged or concurrent) one aside."""
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=".old.", dir=target.parent))
        os.replace(target, old / target.name)
        shutil.rmtree(old, ignore_errors=True)
    os.replace(temporary, target)


def _checksum(file: Path) -> int:
    crc = 0
    with file.open("rb") as stream:
        for block in blocks(stream):
            crc = zlib.crc32(block, crc)
    return crc

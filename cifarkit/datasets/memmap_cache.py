"""Arrays too large to hold: written a batch at a time, read a few rows at a time.

They lie in the cache, under the same rules as its other arrays: there whole or not at all, and
checked before use. All of them together are bounded; what was used longest ago makes room.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from cifarkit import locking
from cifarkit.datasets import cache_folder

LIMIT_BYTES = 8 * 2**30
"""All entries together take no more, and never more than half of what the disk has to give."""

_ABANDONED_SECONDS = 24 * 3600.0
_SECONDS = "seconds.txt"


class Rows:
    """The rows of a `.npy` file.

    The file is mapped only while rows are taken from it, so that it never counts as memory of this
    process; it stays open, so that it can be read after the cache has dropped it.

    Args:
        path: The file.

    Attributes:
        shape, dtype: Of the whole array, rows first.
    """

    def __init__(self, path: Path) -> None:
        header = np.load(path, mmap_mode="r")
        self.shape, self.dtype = header.shape, header.dtype
        self._offset = int(header.offset)
        self._file = path.open("rb")

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> npt.NDArray[Any]:
        """A copy of some rows; `rows` is a slice or an array of row numbers."""
        mapped = np.memmap(self._file, self.dtype, "r", self._offset, self.shape)
        return np.array(mapped[rows])

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


def lock(entry: str) -> FileLock | locking.Lease:
    """Held while an entry is made, so that two processes do not make it twice.

    Raises:
        OSError: The cache cannot be written.
    """
    _root().mkdir(parents=True, exist_ok=True)
    return locking.lock(_root() / f"{entry}.lock")


def read(entry: str) -> tuple[Rows, ...] | None:
    """The arrays of an entry, in their order; None if it is absent or damaged."""
    arrays = cache_folder.read(f"{_root().name}/{entry}")
    if arrays is None:
        return None
    try:
        os.utime(_root() / entry)
        return tuple(Rows(_root() / entry / f"{name}.npy") for name in arrays)
    except OSError:
        return None


def seconds(entry: str) -> float | None:
    """What making the arrays of an entry took; None if that is not known."""
    try:
        made = float((_root() / entry / _SECONDS).read_text())
    except (OSError, ValueError):
        return None
    return made if math.isfinite(made) and made >= 0 else None


def write(entry: str, count: int, batches: Iterable[Sequence[npt.NDArray[Any]]]) -> None:
    """Make an entry of arrays with `count` rows from batches of their rows; hold its `lock`.

    The time that this takes, the making of the batches included, is kept with it (`seconds`).

    Args:
        entry: Its name.
        count: The rows of all batches together.
        batches: Rows of each array; the number of arrays, their dtypes and the shapes of their
            rows are those of the first batch throughout.

    Raises:
        OSError: The disk is full, or the cache cannot be written. Nothing is left of the entry.
    """
    beside = _root() / f"{entry}.part"
    # Of a process that died: whoever holds the lock is alone with this entry.
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    began = time.perf_counter()
    try:
        checksums: dict[str, int] = {}
        with ExitStack() as stack:
            files: list[Any] = []
            for batch in batches:
                if not files:
                    for number, array in enumerate(batch):
                        file = stack.enter_context((beside / f"{number}.npy").open("w+b"))
                        header = {
                            "descr": np.lib.format.dtype_to_descr(array.dtype),
                            "fortran_order": False,
                            "shape": (count, *array.shape[1:]),
                        }
                        np.lib.format.write_array_header_1_0(file, header)
                        file.seek(0)
                        checksums[str(number)] = zlib.crc32(file.read())
                        files.append(file)
                for number, array in enumerate(batch):
                    # Plain writes, not a writable map: a full disk must be an error, not a signal.
                    content = np.ascontiguousarray(array).data
                    checksums[str(number)] = zlib.crc32(content, checksums[str(number)])
                    files[number].write(content)
        (beside / cache_folder.CHECKSUMS).write_text(json.dumps(checksums))
        (beside / _SECONDS).write_text(f"{time.perf_counter() - began:015.6f}\n")
        shutil.rmtree(_root() / entry, ignore_errors=True)
        os.replace(beside, _root() / entry)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def make_room(needed_bytes: int, keep: Iterable[str] = ()) -> bool:
    """Drop entries, those used longest ago first, until `needed_bytes` more fit.

    Args:
        needed_bytes: Of the entries that are to be written.
        keep: Entries that must stay.

    Returns:
        False if they cannot fit; then nothing was dropped.

    Raises:
        OSError: The cache cannot be written.
    """
    root, kept = _root(), set(keep)
    root.mkdir(parents=True, exist_ok=True)
    now = time.time()
    entries = []
    for folder in root.iterdir():
        used = folder.stat().st_mtime
        being_made = folder.suffix == ".part" and now - used < _ABANDONED_SECONDS
        if folder.is_dir() and not being_made:
            entries.append((used, folder, _size(folder)))
    held = sum(size for _, _, size in entries)
    room = min(LIMIT_BYTES, (shutil.disk_usage(root).free + held) // 2)
    if needed_bytes + sum(size for _, folder, size in entries if folder.name in kept) > room:
        return False
    for _, folder, size in sorted(entries):
        if held + needed_bytes <= room:
            break
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
            held -= size
    return True


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _root() -> Path:
    return cache_folder.directory() / "activations"

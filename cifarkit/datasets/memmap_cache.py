"""A cache of arrays larger than memory, written in batches and read a few rows at a time.

As in `cache_folder`, entries are complete or absent, and checked before use. Their total size is
bounded; the least recently used ones are evicted.
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
from cifarkit.atomic_write import partial_folder
from cifarkit.datasets import cache_folder

LIMIT_BYTES = 8 * 2**30
"""The bound on the total size, which is also limited to half of the available disk space."""

_ABANDONED_SECONDS = 24 * 3600.0
_SECONDS = "seconds.txt"


class Rows:
    """The rows of a `.npy` file.

    The file is mapped only while rows are copied, so that it does not count as memory of this
    process. It stays open, so that it can be read after its eviction.

    Args:
        path: The file.

    Attributes:
        shape, dtype: Those of the whole array, rows first.
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
    """The lock to hold while computing an entry, so that two processes do not compute it twice.

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


def entries(prefix: str) -> list[str]:
    """The names of the complete entries that begin with a prefix, sorted."""
    try:
        names = os.listdir(_root())
    except OSError:
        return []
    return sorted(name for name in names if name.startswith(prefix) and "." not in name)


def seconds(entry: str) -> float | None:
    """Seconds spent on computing an entry; None if unknown."""
    try:
        made = float((_root() / entry / _SECONDS).read_text())
    except (OSError, ValueError):
        return None
    return made if math.isfinite(made) and made >= 0 else None


def write(entry: str, count: int, batches: Iterable[Sequence[npt.NDArray[Any]]]) -> None:
    """Write an entry of arrays with `count` rows from batches; the caller holds its `lock`.

    The time this takes, including computing the batches, is stored with it (`seconds`).

    Args:
        entry: Its name.
        count: The rows of all batches together.
        batches: Rows of each array; the number of arrays, their dtypes and the shapes of their
            rows are those of the first batch throughout.

    Raises:
        OSError: The disk is full, or the cache cannot be written; no partial entry remains.
    """
    partial = _root() / f"{entry}.part"
    began = time.perf_counter()
    with partial_folder(partial):
        checksums: dict[str, int] = {}
        with ExitStack() as stack:
            files: list[Any] = []
            for batch in batches:
                if not files:
                    for number, array in enumerate(batch):
                        file = stack.enter_context((partial / f"{number}.npy").open("w+b"))
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
                    # Not a writable map: a full disk must raise an error, not SIGBUS.
                    content = np.ascontiguousarray(array).data
                    checksums[str(number)] = zlib.crc32(content, checksums[str(number)])
                    files[number].write(content)
        (partial / cache_folder.CHECKSUMS).write_text(json.dumps(checksums))
        (partial / _SECONDS).write_text(f"{time.perf_counter() - began:015.6f}\n")
        shutil.rmtree(_root() / entry, ignore_errors=True)
        os.replace(partial, _root() / entry)


def make_room(needed_bytes: int, keep: Iterable[str] = ()) -> bool:
    """Evict the least recently used entries until `needed_bytes` more fit.

    Args:
        needed_bytes: The size of the entries to be written.
        keep: Entries that must stay.

    Returns:
        False if they cannot fit; nothing is evicted then.

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

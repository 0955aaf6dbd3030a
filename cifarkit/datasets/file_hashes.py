"""Digests of data files, and findings about their content, cached between runs.

A cached entry is used while path, size, times, and inode are the same. Like git's index, an entry
is not kept if its file was modified just before it was read: a second change within the clock's
granularity would go unnoticed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeVar

from cifarkit.atomic_write import write_atomically
from cifarkit.datasets import cache_folder
from cifarkit.digests import blocks, digest

_LOG = logging.getLogger(__name__)
_VERSION = 1
_RACY_NS = 2 * 10**9
_QUIET_SECONDS = 2.0

Check = Callable[[BinaryIO], dict[str, Any]]
Item = TypeVar("Item")
Value = TypeVar("Value")


class NotRegularFile(OSError):
    """The path is a folder, a FIFO, a socket or a device."""


@dataclass(frozen=True)
class FileInfo:
    """The content of one file.

    Attributes:
        digest: BLAKE2b of its bytes, 32 hexadecimal digits; empty if it is not a regular file.
        found: The findings of the check, JSON values.
    """

    digest: str
    found: dict[str, Any] = field(default_factory=dict)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, without blocking on a FIFO or a device.

    Raises:
        NotRegularFile: It is not a regular file.
        OSError: It cannot be opened.
    """
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise NotRegularFile(f"{path} is not a regular file")


def digest_of(stream: IO[bytes]) -> str:
    """BLAKE2b of a file's bytes, 32 hexadecimal digits."""
    return digest(blocks(stream), "blake2b")


def fingerprint(digests: Mapping[str, str]) -> str:
    """`blake2b:` and 32 hexadecimal digits of names and the digests of their content."""
    lines = (f"{name}\0{content}\n" for name, content in sorted(digests.items()))
    whole = digest((line.encode("utf-8", "surrogateescape") for line in lines), "blake2b")
    return f"blake2b:{whole}"


def inspect(
    root: Path, files: Sequence[Path], check: Check | None = None, *, version: str = ""
) -> list[FileInfo]:
    """Hash and check files in threads; the results for unchanged files come from the cache.

    Args:
        root: The data set's path, which names the cache entry and appears in progress messages.
        files: The files' paths.
        check: Examines an open file and returns JSON values; called from several threads.
        version: The version of the check; results of other versions are not used.

    Raises:
        OSError: A file cannot be read.
    """
    index = _index_file(root)
    known = _read_index(index, version)
    fresh: dict[str, Any] = {}

    def one(file: Path) -> tuple[FileInfo, list[Any] | None]:
        before = _stamp(os.stat(file))
        entry = known.get(str(file))
        if entry is not None and entry[0] == before:
            return FileInfo(entry[1], entry[2]), entry
        now = time.time_ns()
        try:
            with open_regular(file) as stream:
                info = FileInfo(digest_of(stream))
                if check is not None:
                    stream.seek(0)
                    info = FileInfo(info.digest, check(stream))
                after = os.fstat(stream.fileno())
        except NotRegularFile:
            return FileInfo("", {"fault": "not a regular file"}), None
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(file)) from error
        settled = now - max(after.st_mtime_ns, after.st_ctime_ns) > _RACY_NS
        if before != _stamp(after) or not settled:
            return info, None
        return info, [before, info.digest, info.found]

    infos = []
    for file, (info, entry) in zip(
        files, progress(in_threads(one, files), root, files), strict=True
    ):
        infos.append(info)
        if entry is not None:
            fresh[str(file)] = entry
    if fresh != known:
        _write_index(index, version, fresh)
    return infos


def in_threads(function: Callable[[Item], Value], items: Sequence[Item]) -> Iterator[Value]:
    """Map items in threads, keeping their order; after an error no further calls are started."""
    pool = ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        yield from pool.map(function, items)
    finally:
        pool.shutdown(cancel_futures=True)


def progress(values: Iterator[Value], root: Path, files: Sequence[Path]) -> Iterator[Value]:
    """Pass values on, and log the progress if it takes long."""
    began = time.monotonic()
    due = began + _QUIET_SECONDS
    for done, value in enumerate(values, start=1):
        yield value
        if time.monotonic() > due:
            _LOG.info("%r: %s of %s files read", root.name, f"{done:,}", f"{len(files):,}")
            # One line per doubling of the time.
            due = began + 2 * (time.monotonic() - began)


def _stamp(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _index_file(root: Path) -> Path:
    name = digest([os.fsencode(root)], "blake2b")
    return cache_folder.directory() / "digests" / f"{name}.json"


def _read_index(index: Path, version: str) -> dict[str, Any]:
    """Entries by path: stamp, digest, findings. Empty if absent, damaged, or of another version."""
    try:
        stored = json.loads(index.read_text())
        if stored["version"] != [_VERSION, version]:
            return {}
        return {
            path: entry
            for path, entry in stored["files"].items()
            if isinstance(entry, list) and len(entry) == 3 and isinstance(entry[2], dict)
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _write_index(index: Path, version: str, entries: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        index.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"version": [_VERSION, version], "files": entries})
        write_atomically(index, content.encode())

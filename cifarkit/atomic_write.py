"""Writes files and folders under temporary names and renames them when they are complete."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_writer(path: Path, *, temporary: Path | None = None) -> Iterator[BinaryIO]:
    """A binary stream, to read and write, whose file replaces `path` at the end.

    Args:
        path: An existing file stays unless the new one is complete.
        temporary: Where to write, in the same folder; a new name by default. With a fixed name,
            killed processes leave at most one file behind.

    Raises:
        OSError: It could not be written; the error names `path`.
    """
    # Not `tempfile`, which ignores the umask: a group that shares the folder could not read it.
    temporary = temporary or path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("x+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and str(error.filename) in ("None", str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file completely or not at all.

    Raises:
        OSError: It could not be written; the error names `path`, whose old content is kept.
    """
    with atomic_writer(path) as stream:
        stream.write(content)


@contextmanager
def partial_folder(path: Path) -> Iterator[None]:
    """Create an empty folder to write to, and remove it at the end unless it was renamed.

    The caller holds a lock: a folder that exists was left by a killed process, and is emptied.
    """
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(path, ignore_errors=True)

"""Write files atomically: to a new file in the same folder, flushed to the disk and renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_writer(path: Path, *, temporary: Path | None = None) -> Iterator[BinaryIO]:
    """A binary stream, to read and write, whose file takes the place of `path` at the end.

    Args:
        path: What is there stays until the new file is complete, and if it never is.
        temporary: Where to write, in the same folder; a new name by default. With one name for
            several files, processes that are killed leave no more than one file behind.

    Raises:
        OSError: It could not be written; the error names `path`.
    """
    # `tempfile` would make it for its owner alone, whatever the umask: others of a group that
    # shares the folder could not read the results.
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
    """Put `content` at `path`, all of it or nothing.

    Raises:
        OSError: It could not be written; the error names `path`, and what was there still is.
    """
    with atomic_writer(path) as stream:
        stream.write(content)

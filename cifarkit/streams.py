"""Standard streams that survive closed terminals, full disks and foreign encodings.

A training must not end because its terminal was closed, and a document must not be truncated
without an error. After the first write error a stream discards its output and keeps the error.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import select
import sys
from collections.abc import Iterator
from typing import Any

NAMES = ("stdin", "stdout", "stderr")


class _Lenient(io.FileIO):
    """A descriptor that keeps its first write error instead of raising it, then discards output."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        while self.failure is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.failure = error
                break
            if written is not None:
                return written
            select.select([], [self], [])  # another process made the descriptor non-blocking
        return len(data)


def prepare() -> None:
    """Replace standard output and error by streams that defer errors and encode any text.

    A terminal keeps its encoding, with unencodable characters escaped; all else is UTF-8, so that
    `report > a.md` writes the same file in every locale.
    """
    missing = _open_missing()
    for descriptor, name in enumerate(NAMES[1:], start=1):
        stream = getattr(sys, name)
        terminal = stream is not None and stream.isatty()
        if terminal and sys.platform == "win32":
            stream.reconfigure(
                errors="backslashreplace"
            )  # a console is not a plain descriptor there
            continue
        raw = _Lenient(descriptor, "w", closefd=False)
        if descriptor in missing:
            raw.failure = OSError(errno.EBADF, "it is closed")
        text = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding if terminal else "utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )
        setattr(sys, name, text)


class _ToStandardError(logging.Handler):
    """Writes to the current `sys.stderr`; `logging.StreamHandler` keeps the first one."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be closed
            print(self.format(record), file=sys.stderr, flush=True)


def show_log(level: int, form: str = "%(message)s") -> None:
    """Write the messages of the logger `cifarkit` to standard error, from `level` up."""
    logger, handler = logging.getLogger("cifarkit"), _ToStandardError()
    handler.setFormatter(logging.Formatter(form))
    logger.handlers[:] = [handler]
    logger.setLevel(level)


def failure(stream: Any) -> OSError | None:
    """The stream's write error; None if there was none or the reader closed the pipe (`| head`)."""
    stream.flush()
    found = getattr(getattr(getattr(stream, "buffer", None), "raw", None), "failure", None)
    # A closed pipe is EINVAL on Windows.
    enough = (errno.EPIPE, errno.EINVAL) if sys.platform == "win32" else (errno.EPIPE,)
    return found if isinstance(found, OSError) and found.errno not in enough else None


def _open_missing() -> set[int]:
    """Open the null device where a standard descriptor is closed.

    Otherwise the next file opened would get its number, and a library's output would go into it.
    """
    missing = set()
    for descriptor, name in enumerate(NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free descriptor
            missing.add(descriptor)
        if getattr(sys, name) is None:
            missing.add(descriptor)
    return missing


@contextlib.contextmanager
def stderr_discarded() -> Iterator[None]:
    """Discard what is written to the descriptor of standard error, by libraries in C too."""
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)

"""Errors caused by user input, and helpers that raise them."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Iterable
from pathlib import Path


class CifarkitError(Exception):
    """A failure whose message is shown to the user without a traceback."""


class InvalidInput(CifarkitError, ValueError):
    """Input that cannot be used.

    The message names what was received and what would be accepted. It is a `ValueError`, so that
    pydantic's validators can raise it. The command line ends with exit code 2.
    """


def check_file(path: Path, kind: str = "file") -> None:
    """Refuse a path that a user named if no regular file can be read there.

    Raises:
        InvalidInput: The file does not exist, is not a regular file, or is not readable.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would block
            raise InvalidInput(f"{path} is not a regular file")
        path.open("rb").close()
    except FileNotFoundError:
        raise InvalidInput(f"there is no {kind} {path}") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None


def unknown(kind: str, received: str, choices: Iterable[str]) -> InvalidInput:
    """The error for a name that is not in `choices`; suggests the nearest match or lists all."""
    known = sorted(choices)
    near = difflib.get_close_matches(received.lower(), known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return InvalidInput(f"unknown {kind} {received!r}; {hint}")

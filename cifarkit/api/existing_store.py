"""Opens an existing store."""

from __future__ import annotations

import os
from pathlib import Path

from cifarkit.errors import InvalidInput
from cifarkit.store.store import Store

FOLDERS = ("trials", "studies")


def existing_store(runs: Path) -> Store:
    """The store in a folder, for commands that only read: a mistyped path is an error.

    Raises:
        InvalidInput: There is none, or it cannot be listed.
    """
    found = False
    for folder in FOLDERS:
        try:
            os.listdir(runs / folder)
            found = True
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise InvalidInput(f"--runs: {runs} cannot be read: {error.strerror}") from None
    if not found:
        raise InvalidInput(
            f"--runs: there are no results in {runs}; run a study first (cifarkit zoo --help)"
        )
    return Store(runs)

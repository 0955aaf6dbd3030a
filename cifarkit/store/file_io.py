"""Reads the files of a store, which are untrusted: they may be damaged or forged.

Nothing here follows links, blocks on pipes or reads without a limit. For any content the result is
a record or an `UnreadableFile` that names the file.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from cifarkit.atomic_write import write_atomically
from cifarkit.digests import blocks, digest
from cifarkit.errors import CifarkitError
from cifarkit.specs import TrialSpec, identity
from cifarkit.store.fields import SCHEMA_VERSION
from cifarkit.store.records import Artifact, Result, State, Status, TrialRecord

MOST_BYTES = 4 * 2**20
"""Limit for JSON and CSV files; 1,000 epochs or 10,000 class names take a tenth of it."""
MOST_BYTES_OF = {
    "predictions.npz": 512 * 2**20,
    "model.weights.h5": 16 * 2**30,
    "log.txt": 2**30,
}
"""Limit for other files."""

Stored = TypeVar("Stored", bound=BaseModel)


class UnreadableFile(CifarkitError):
    """A file of the store that cannot be used.

    Attributes:
        path: The file.
        why: The reason, in one line.
    """

    def __init__(self, path: Path | str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path, self.why = Path(path), why


class DamagedFile(UnreadableFile):
    """Its content is damaged."""


class MissingFile(DamagedFile):
    """It does not exist."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, "is missing")


class UnavailableFile(UnreadableFile):
    """It could not be read: no permission, an I/O error, too many open files, a lost mount.

    Its content is unknown, so it is never set aside, overwritten or recomputed.
    """

    def __init__(self, path: Path | str, error: OSError) -> None:
        super().__init__(path, f"cannot be read: {error.strerror or error}")


class ForeignFile(UnreadableFile):
    """It was written by a newer cifarkit.

    Such a file is never set aside or overwritten.
    """


def read_trial(folder: Path, *, whole: bool = True) -> TrialRecord:
    """Read the record of the trial in a folder named by its id.

    Files read here are verified if the state has their checksums; kept weights are verified where
    they are used (`check_sum`).

    Args:
        folder: The trial's folder.
        whole: Also read the history and verify the predictions, which for a thousand trials are
            gigabytes, while most callers only need the results.

    Raises:
        DamagedFile: A file is damaged.
        UnavailableFile: A file could not be read.
        ForeignFile: A file was written by a newer cifarkit.
    """
    state = read_state(folder)
    spec = read_spec(folder)
    at = f"{folder}{os.sep}"  # joining `Path`s would take as long as reading the files
    content = read_if_there(at + "result.json")
    rows = read_if_there(at + "history.csv") if whole else None
    check_sum(folder, state, "result.json", content)
    if whole:
        check_sum(folder, state, "history.csv", rows)
        check_sum(folder, state, "predictions.npz")
    return TrialRecord(
        trial_id=folder.name,
        spec=spec,
        state=state,
        result=None if content is None else read_model(at + "result.json", Result, content),
        folder=folder,
        history=() if rows is None else tuple(read_history(at + "history.csv", rows)),
    )


def read_state(folder: Path) -> State:
    """A trial's state; `pending` if it was never started."""
    path = f"{folder}{os.sep}state.json"
    content = read_if_there(path)
    return State() if content is None else read_model(path, State, content)


def read_spec(folder: Path) -> TrialSpec:
    """A trial's spec, which has to hash to the folder's name."""
    path = f"{folder}{os.sep}spec.json"
    try:
        raw = from_json(read_bytes(path))
        sound = identity(raw) == folder.name
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedFile(path, "is not a trial's spec") from None
    if not sound:
        raise DamagedFile(path, f"is not the spec of trial {folder.name}")
    try:
        return TrialSpec.model_validate(raw)
    except ValidationError as error:
        # The hash matches, so another version wrote it.
        raise ForeignFile(path, f"cannot be used here: {_faults(error)}") from None


def read_model(path: Path | str, kind: type[Stored], content: bytes | None = None) -> Stored:
    """A record from its JSON file, or from the file's content."""
    content = read_bytes(path) if content is None else content
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        version = _schema_version(content)
        if version > SCHEMA_VERSION:
            raise ForeignFile(
                path,
                f"was written by a newer cifarkit (its schema_version is {version}, this one "
                f"reads up to {SCHEMA_VERSION})",
            ) from None
        raise DamagedFile(path, _faults(error)) from None


def read_history(path: Path | str, content: bytes | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a `history.csv`, or of its content; `epoch` is an int, all else a float."""
    try:
        text = (read_bytes(path) if content is None else content).decode("utf-8")
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(rows, [])
        if "epoch" not in header:
            raise ValueError("it has no column 'epoch'")
        kinds = [int if name == "epoch" else float for name in header]
        for row in rows:
            yield {name: kind(value) for name, kind, value in zip(header, kinds, row, strict=True)}
    except (TypeError, ValueError, csv.Error) as error:
        raise DamagedFile(path, f"is not a history: {str(error)[:200]}") from None


def read_if_there(path: Path | str) -> bytes | None:
    """As `read_bytes`; None if the file does not exist."""
    try:
        return read_bytes(path)
    except MissingFile:
        return None


def read_bytes(path: Path | str, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most `most` bytes."""
    handle, size = _opened(path, most)
    try:
        return os.read(handle, size)
    except OSError as error:
        raise UnavailableFile(path, error) from None
    finally:
        os.close(handle)


def write_model(path: Path, model: BaseModel) -> None:
    """A record as indented JSON."""
    write_atomically(path, (model.model_dump_json(indent=2) + "\n").encode())


def may_exist(path: Path | str) -> bool:
    """Whether a path exists or cannot be checked.

    `os.path.exists` is False in a folder that may not be searched.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def checksum(path: Path) -> str:
    """The SHA-256 of an artifact, in hexadecimal."""
    handle, _ = _opened(path, MOST_BYTES_OF.get(path.name, MOST_BYTES))
    with os.fdopen(handle, "rb", buffering=0) as stream:
        try:
            return digest(blocks(stream))
        except OSError as error:
            raise UnavailableFile(path, error) from None


def check_sum(folder: Path, state: State, name: Artifact, content: bytes | None = None) -> None:
    """Check a file, or its content, against the checksum recorded when the trial completed.

    Raises:
        DamagedFile: It is missing or different.
    """
    noted = state.checksums.get(name)
    if noted is None or state.status is not Status.COMPLETE:
        return
    found = checksum(folder / name) if content is None else digest([content])
    if found != noted:
        raise DamagedFile(folder / name, "does not match its checksum")


# Do not follow links or block on pipes; neither flag exists on Windows.
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
# a file in place of a folder, or a socket in place of the file
_NO_FILE = (errno.ENOTDIR, errno.ENXIO)


def _opened(path: Path | str, most: int) -> tuple[int, int]:
    """A descriptor of a regular file, for the caller to close, and the file's size in bytes."""
    try:
        if not _NO_LINKS and os.path.islink(path):
            raise DamagedFile(path, "is a link")
        handle = os.open(path, _FLAGS | _NO_LINKS)
    except FileNotFoundError:
        raise MissingFile(path) from None
    except OSError as error:
        if os.path.islink(path):
            raise DamagedFile(path, "is a link") from None
        if error.errno in _NO_FILE:
            raise DamagedFile(path, f"is not a regular file: {error.strerror}") from None
        raise UnavailableFile(path, error) from None
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return handle, found.st_size
    os.close(handle)
    regular = stat.S_ISREG(found.st_mode)
    raise DamagedFile(
        path, f"is larger than {most:,} bytes" if regular else "is not a regular file"
    )


def _faults(error: ValidationError) -> str:
    """The first faults, in a line."""
    if error.error_count() > 1000:
        return f"{error.error_count():,} faults"  # To list them would take long.
    messages = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False)[:3]:
        place = ".".join(map(str, fault["loc"]))
        messages.append(f"{place}: {fault['msg']}" if place else fault["msg"])
    return "; ".join(messages)[:300]


def _schema_version(content: bytes) -> int:
    """The schema version that a record states; 0 if none."""
    try:
        version = json.loads(content)["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return version if isinstance(version, int) else 0

"""A trial's files, read without trust in them: they may be damaged, or somebody else's.

Nothing here follows a link, waits for a pipe or reads without a limit, and whatever a file holds,
it gives a record or an `UnreadableFile` that names it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cifarkit.errors import CifarkitError
from cifarkit.specs import TrialSpec, identity
from cifarkit.trials.record import (
    SCHEMA_VERSION,
    Artifact,
    Result,
    State,
    Status,
    TrialRecord,
)

MOST_BYTES = 4 * 2**20
"""Of a JSON or CSV file; a thousand epochs or ten thousand class names take a tenth of it."""
MOST_BYTES_OF = {
    "predictions.npz": 512 * 2**20,
    "model.weights.h5": 16 * 2**30,
    "log.txt": 2**30,
}
"""Of the files that are larger."""

Stored = TypeVar("Stored", bound=BaseModel)


class UnreadableFile(CifarkitError):
    """A file of the store that gives no record.

    Attributes:
        path: Which file.
        why: What is wrong with it, in a line.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


class DamagedFile(UnreadableFile):
    """It is not what was once written there."""


class ForeignFile(UnreadableFile):
    """It is sound, but not for this cifarkit: of a newer one, or of a network that is not here.

    Such a file is never set aside or written over.
    """


def read_trial(folder: Path) -> TrialRecord:
    """The record of the trial in a folder that is called by its id.

    Files that the state has checksums of are checked, the weights excepted: those are large, and
    checked where they are used (`check_sum`).

    Raises:
        DamagedFile: The first file that is not what it should be.
        ForeignFile: One is sound, but cannot be used here.
    """
    state = read_state(folder)
    names = ("spec.json", "result.json", "history.csv")
    present = [name for name in names if name == names[0] or os.path.lexists(folder / name)]
    contents = {name: read_bytes(folder / name) for name in present}
    spec = read_spec(folder, contents["spec.json"])
    for name in state.checksums:
        if not name.endswith(".h5"):
            check_sum(folder, state, name, contents.get(name))
    result, history = contents.get("result.json"), contents.get("history.csv")
    return TrialRecord(
        trial_id=folder.name,
        spec=spec,
        state=state,
        result=None if result is None else read_model(folder / "result.json", Result, result),
        folder=folder,
        history=() if history is None else tuple(read_history(folder / "history.csv", history)),
    )


def read_state(folder: Path) -> State:
    """A trial's state; `pending` if it was never started."""
    path = folder / "state.json"
    return read_model(path, State) if os.path.lexists(path) else State()


def read_spec(folder: Path, content: bytes | None = None) -> TrialSpec:
    """A trial's spec, which has to hash to the folder's name; of its content, if that was read."""
    path = folder / "spec.json"
    content = read_bytes(path) if content is None else content
    try:
        raw = json.loads(content)
        # Without a fingerprint the spec would be completed from whatever lies at its location.
        sound = "fingerprint" in raw["data"] and identity(raw) == folder.name
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedFile(path, "is not a trial's spec") from None
    if not sound:
        raise DamagedFile(path, f"is not the spec of trial {folder.name}")
    try:
        return TrialSpec.model_validate_json(content)
    except ValidationError as error:
        # Its hash is right, so it is what was written: by another version, or with a plug-in.
        raise ForeignFile(path, f"cannot be used here: {_faults(error)}") from None


def read_model(path: Path, kind: type[Stored], content: bytes | None = None) -> Stored:
    """A record from its JSON file, or from its content, if that was read."""
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


def read_history(path: Path, content: bytes | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a `history.csv`, or of its content: `epoch` whole, everything else a float."""
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
        raise DamagedFile(path, f"is no history: {str(error)[:200]}") from None


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most `most` bytes."""
    with _opened(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise DamagedFile(path, f"is larger than {most:,} bytes")
    return content


def digest(path: Path) -> str:
    """The SHA-256 of an artifact, in hexadecimal."""
    with _opened(path) as stream:
        most = MOST_BYTES_OF.get(path.name, MOST_BYTES)
        if os.fstat(stream.fileno()).st_size > most:
            raise DamagedFile(path, f"is larger than {most:,} bytes")
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_sum(folder: Path, state: State, name: Artifact, content: bytes | None = None) -> None:
    """Check a file, or its content, against the sum that was noted when the trial completed.

    Raises:
        DamagedFile: It is missing, or is another.
    """
    noted = state.checksums.get(name)
    if noted is None or state.status is not Status.COMPLETE:
        return
    found = digest(folder / name) if content is None else hashlib.sha256(content).hexdigest()
    if found != noted:
        raise DamagedFile(folder / name, "does not match its checksum")


def _opened(path: Path) -> io.BufferedReader:
    def opener(name: str, flags: int) -> int:
        # A link may lead anywhere, and a pipe would be waited for; neither exists on Windows.
        return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))

    try:
        if path.is_symlink():
            raise DamagedFile(path, "is a link")
        stream = open(path, "rb", opener=opener)  # noqa: SIM115  # handed to the caller
    except FileNotFoundError:
        raise DamagedFile(path, "is missing") from None
    except OSError as error:
        raise DamagedFile(path, f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise DamagedFile(path, "is no regular file")
    return stream


def _faults(error: ValidationError) -> str:
    """The first faults, in a line."""
    if error.error_count() > 1000:
        return f"{error.error_count():,} faults"  # To list them would take long.
    told = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False)[:3]:
        place = ".".join(map(str, fault["loc"]))
        told.append(f"{place}: {fault['msg']}" if place else fault["msg"])
    return "; ".join(told)[:300]


def _schema_version(content: bytes) -> int:
    """What a record says of itself; 0 if it says nothing."""
    try:
        version = json.loads(content)["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return version if isinstance(version, int) else 0

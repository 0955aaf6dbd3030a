"""The folder of trials: what is written there, and how it is read.

Layout::

    runs/
      trials/<id>/   spec.json state.json history.csv result.json predictions.npz log.txt
                     epoch-*.checkpoint until it is complete
      studies/<name>.json

Every file is written beside its place, flushed to the disk and renamed, so that a reader never
sees half of one, and a process that is killed leaves the file before or the file after.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.specs import TrialSpec
from cifarkit.trials.record import Result, State, Status, StudyRecord, TrialRecord

KEPT_WEIGHTS = "model.weights.h5"
"""The trained model's weights, in the folder of a trial that was asked to keep them."""
CHECKPOINTS = "epoch-*.checkpoint"
"""Where a training stands, in the folder of a trial that is not complete."""

Stored = TypeVar("Stored", bound=BaseModel)


class DamagedFile(CifarkitError):
    """A file of the store that cannot be read; the message names it and says why."""


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all.

    Raises:
        OSError: It could not be written; the error names `path`, and what was there still is.
    """
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except OSError as error:
        Path(beside).unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


class Store:
    """A folder of trials and of the studies that list them.

    Args:
        root: The folder; it is made at the first write.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def folder(self, trial_id: str) -> Path:
        return self.root / "trials" / trial_id

    # Writing

    def add(self, spec: TrialSpec) -> Path:
        """Make the trial's folder, with its spec, unless it is there."""
        folder = self.folder(spec.trial_id)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "spec.json").exists():
            _write_model(folder / "spec.json", spec)
        return folder

    def write_state(self, trial_id: str, state: State) -> None:
        _write_model(self.folder(trial_id) / "state.json", state)

    def write_study(self, study: StudyRecord) -> None:
        path = self.root / "studies" / f"{study.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_model(path, study)

    def tidy(self, trial_id: str) -> None:
        """Remove what a complete trial has no use for; call it under the trial's lock."""
        folder = self.folder(trial_id)
        # A name that begins with a dot is that of a file whose writer was killed.
        for path in (*folder.glob(CHECKPOINTS), *folder.glob(".*")):
            path.unlink(missing_ok=True)

    # Reading

    def state(self, trial_id: str) -> State:
        """The trial's state; `pending` if it was never started."""
        path = self.folder(trial_id) / "state.json"
        return _read_model(path, State) if path.exists() else State()

    def is_complete(self, trial_id: str, files: Sequence[str] = ()) -> bool:
        """Whether the trial is done, and has left these files besides its result."""
        folder = self.folder(trial_id)
        return (
            all((folder / name).exists() for name in ("result.json", *files))
            and self.state(trial_id).status is Status.COMPLETE
        )

    def has_finished(self, trial_id: str, files: Sequence[str] = ()) -> bool:
        """Whether the trial got to its end, even if nobody was left to say so in its state.

        A trial writes its result last.
        """
        folder = self.folder(trial_id)
        if not all((folder / name).exists() for name in ("result.json", *files)):
            return False
        try:
            _read_model(folder / "result.json", Result)
        except DamagedFile:
            return False
        return True

    def read(self, trial_id: str) -> TrialRecord:
        """The record of one trial.

        Raises:
            InvalidInput: The store has no such trial.
            DamagedFile: One of its files cannot be read.
        """
        folder = self.folder(trial_id)
        if not (folder / "spec.json").is_file():
            raise InvalidInput(f"no trial {trial_id!r} in {self.root}")
        result, history = folder / "result.json", folder / "history.csv"
        return TrialRecord(
            trial_id=trial_id,
            spec=_read_model(folder / "spec.json", TrialSpec),
            state=self.state(trial_id),
            result=_read_model(result, Result) if result.exists() else None,
            folder=folder,
            history=tuple(read_history(history)) if history.exists() else (),
        )

    def trial_ids(self) -> list[str]:
        return sorted(path.parent.name for path in self.root.glob("trials/*/spec.json"))

    def records(self) -> Iterator[TrialRecord]:
        return map(self.read, self.trial_ids())

    def studies(self) -> list[StudyRecord]:
        """Every study, the oldest first; the steps of a whole in their order."""
        found = [_read_model(path, StudyRecord) for path in self.root.glob("studies/*.json")]
        began = {study.part_of: study.created_at for study in found if study.step == 1}
        return sorted(
            found,
            key=lambda study: (
                began.get(study.part_of, study.created_at) if study.step else study.created_at,
                study.part_of,
                study.step,
                study.name,
            ),
        )


def write_result(folder: Path, result: Result) -> None:
    _write_model(folder / "result.json", result)


def write_history(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["epoch"])
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / "history.csv", text.getvalue().encode())


def read_history(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            try:
                yield {
                    key: int(value) if key == "epoch" else float(value)
                    for key, value in row.items()
                }
            except (TypeError, ValueError) as error:
                raise DamagedFile(f"{path}: {error}") from None


def _write_model(path: Path, model: BaseModel) -> None:
    write_atomically(path, (model.model_dump_json(indent=2) + "\n").encode())


def _read_model(path: Path, kind: type[Stored]) -> Stored:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        lines = str(error).splitlines()
        raise DamagedFile(f"{path}: {' '.join(line.strip() for line in lines[:3])}") from None

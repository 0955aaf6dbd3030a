"""The store: a folder of trials and studies.

Layout::

    runs/
      trials/<id>/   spec.json state.json history.csv result.json predictions.npz log.txt
                     epoch-*.checkpoint until it is complete
                     model.weights.h5 if kept; candidate.weights.h5 until its study is complete
      studies/<name>.json

Every file is written atomically, so that a reader never sees a partial one, and a killed process
leaves either the old or the new one. Files that are damaged nevertheless are renamed to
`<file>.damaged-1`.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from filelock import FileLock

from cifarkit.atomic_write import write_atomically
from cifarkit.errors import InvalidInput
from cifarkit.locking import Lease, lock
from cifarkit.specs import TrialSpec
from cifarkit.store.file_io import (
    DamagedFile,
    UnavailableFile,
    UnreadableFile,
    checksum,
    may_exist,
    read_model,
    read_state,
    read_trial,
    write_model,
)
from cifarkit.store.records import ARTIFACTS, Artifact, Result, State, Status, TrialRecord
from cifarkit.store.repair import set_aside
from cifarkit.store.study_records import StudyRecord

KEPT_WEIGHTS: Artifact = "model.weights.h5"
"""The trained weights, in the folder of a trial that keeps them."""
CHECKPOINTS = "epoch-*.checkpoint"
"""Checkpoints, in the folder of an incomplete trial."""
_SIGNS_OF_A_TRIAL = ("spec.json", "state.json", "result.json")


class Store:
    """A folder of trials and of the studies that list them.

    Args:
        root: The folder; created at the first write.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def folder(self, trial_id: str) -> Path:
        return self.root / "trials" / trial_id

    def study_path(self, name: str) -> Path:
        return self.root / "studies" / f"{name}.json"

    def lock(self, trial_id: str, *, timeout: float = -1) -> FileLock | Lease:
        """The lock for changing a trial; released when the process ends.

        Args:
            trial_id: A trial whose folder exists.
            timeout: Seconds to wait; negative waits forever.
        """
        return lock(self.folder(trial_id) / "lock", timeout=timeout)

    def lock_studies(self) -> FileLock | Lease:
        """The lock for updating a study."""
        folder = self.root / "studies"
        folder.mkdir(parents=True, exist_ok=True)
        return lock(folder / "lock")

    # Writing

    def add(self, spec: TrialSpec) -> Path:
        """Create the trial's folder and spec, unless it exists."""
        folder = self.folder(spec.trial_id)
        # A link would lead writes into another folder.
        for path, right in ((folder, Path.is_dir), (folder / "lock", Path.is_file)):
            if path.is_symlink() or (path.exists() and not right(path)):
                set_aside(path)
        folder.mkdir(parents=True, exist_ok=True)
        if not may_exist(folder / "spec.json"):
            write_model(folder / "spec.json", spec)
        return folder

    def write_state(self, trial_id: str, state: State) -> None:
        write_model(self.folder(trial_id) / "state.json", state)

    def write_study(self, study: StudyRecord) -> None:
        """Write a study, replacing an earlier one of its name; a damaged one is set aside.

        To record a study that is run, use `studies.register`, which never replaces another study.

        Raises:
            UnavailableFile: The existing one could not be read.
            ForeignFile: The existing one was written by a newer cifarkit.
        """
        path = self.study_path(study.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if may_exist(path):
            try:
                read_study(path)
            except DamagedFile:
                set_aside(path)
        write_model(path, study)

    def tidy(self, trial_id: str) -> None:
        """Remove files that a complete trial does not need; call it under the trial's lock."""
        folder = self.folder(trial_id)
        # A name with a leading dot is left over from a killed writer, except that another process
        # that waits for the lock may be writing the spec.
        left = (path for path in folder.glob(".*") if not path.name.startswith(".spec.json"))
        for path in (*folder.glob(CHECKPOINTS), *left):
            path.unlink(missing_ok=True)

    # Reading

    def state(self, trial_id: str) -> State:
        """The trial's state; `pending` if it was never started."""
        return read_state(self.folder(trial_id))

    def holder(self, trial_id: str) -> str:
        """A description of the process that runs a trial, as recorded."""
        try:
            state = self.state(trial_id)
        except UnreadableFile:
            state = State()
        if state.status is not Status.RUNNING or state.pid is None:
            return "another process"
        return f"process {state.pid} on {state.host or 'an unknown host'}"

    def is_complete(self, trial_id: str, files: Sequence[str] = ()) -> bool:
        """Whether the trial is done and undamaged, and has these files besides its result.

        Raises:
            UnavailableFile: One of its files could not be read.
            ForeignFile: One of its files was written by a newer cifarkit.
        """
        try:
            record = self.read(trial_id)
            return record.complete and all((record.folder / name).is_file() for name in files)
        except (InvalidInput, DamagedFile):
            return False
        except OSError as error:
            raise UnavailableFile(self.folder(trial_id), error) from None

    def has_finished(self, trial_id: str, files: Sequence[str] = ()) -> bool:
        """Whether the trial finished, even if its state does not say so.

        A trial writes its result last.
        """
        folder = self.folder(trial_id)
        if not all(may_exist(folder / name) for name in ("result.json", *files)):
            return False
        try:
            read_model(folder / "result.json", Result)
        except DamagedFile:
            return False
        return True

    def read(self, trial_id: str, *, whole: bool = True) -> TrialRecord:
        """The record of one trial; `whole` is explained at `read_trial`.

        Raises:
            InvalidInput: The store has no such trial.
            DamagedFile: One of its files is damaged.
            UnavailableFile: One of its files could not be read.
            ForeignFile: One of its files is of a newer cifarkit.
        """
        folder = self.folder(trial_id)
        try:
            if trial_id.isalnum():
                return read_trial(folder, whole=whole)
        except DamagedFile:
            pass
        if not _is_trial(folder):
            raise InvalidInput(f"no trial {trial_id!r} in {self.root}")
        # Inconsistent files may have been replaced while they were read.
        return read_trial(folder, whole=whole)

    def trial_ids(self) -> list[str]:
        """Every trial, readable or not.

        Raises:
            UnavailableFile: The folder of trials could not be read.
        """
        return [name for name in _names(self.root / "trials") if _is_trial(self.folder(name))]

    def records(self) -> Iterator[TrialRecord]:
        return map(self.read, self.trial_ids())

    def study_paths(self) -> list[Path]:
        """The file of every study, readable or not.

        Raises:
            UnavailableFile: The folder of studies could not be read.
        """
        folder = self.root / "studies"
        return [folder / name for name in _names(folder) if fnmatch(name, "[!.]*.json")]

    def studies(
        self, on_unreadable: Callable[[UnreadableFile], None] = lambda error: None
    ) -> list[StudyRecord]:
        """All readable studies, oldest first; the steps of a multi-step study in order.

        Args:
            on_unreadable: Called with each file that cannot be read.
        """
        found = []
        for path in self.study_paths():
            try:
                found.append(read_study(path))
            except UnreadableFile as error:
                on_unreadable(error)
        began: dict[tuple[str, str], datetime] = {}
        for study in found:
            whole = (study.part_of, study.whole_id)
            if study.step:
                began[whole] = min(began.get(whole, study.created_at), study.created_at)
        return sorted(
            found,
            key=lambda study: (
                began[study.part_of, study.whole_id] if study.step else study.created_at,
                study.part_of,
                study.whole_id,
                study.step,
                study.created_at,
                study.name,
            ),
        )


def read_study(path: Path, *, named: bool = True) -> StudyRecord:
    """Read a study, by default from the file of its name."""
    study = read_model(path, StudyRecord)
    if named and study.name != path.stem:
        raise DamagedFile(path, f"is of study {study.name!r}")
    return study


def checksums(folder: Path) -> dict[Artifact, str]:
    """The checksums recorded when a trial completes."""
    return {name: checksum(folder / name) for name in ARTIFACTS if (folder / name).is_file()}


def write_result(folder: Path, result: Result) -> None:
    write_model(folder / "result.json", result)


def write_history(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["epoch"])
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / "history.csv", text.getvalue().encode())


def _is_trial(folder: str | Path) -> bool:
    """Trial ids are alphanumeric, unlike the names of files set aside."""
    return os.path.basename(folder).isalnum() and any(
        may_exist(f"{folder}{os.sep}{name}") for name in _SIGNS_OF_A_TRIAL
    )


def _names(folder: Path) -> list[str]:
    """The entries of a folder, sorted; none if it does not exist."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UnavailableFile(folder, error) from None

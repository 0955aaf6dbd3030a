"""Follows a store that other processes work on: reads what changed, locks and writes nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil

from cifarkit.api.study_time_left import StudyTimeLeft, seconds_left
from cifarkit.api.watched_trial import WatchedTrial
from cifarkit.store.file_io import (
    UnavailableFile,
    UnreadableFile,
    read_history,
    read_spec,
    read_state,
)
from cifarkit.store.records import State, Status
from cifarkit.store.store import Store, read_study
from cifarkit.store.study_records import StudyRecord

Content = TypeVar("Content")
_Signature = tuple[int, int, int]
SIGNS_OF_LIFE = ("state.json", "history.csv", "log.txt", "lock.lease")
SILENT_SECONDS = 300.0
"""After this long without a sign of life a process on another machine may be gone."""


@dataclass(frozen=True)
class WatchedStudy:
    """A study and its trials, each once, in the order of its settings.

    Attributes:
        time_left: See `StudyTimeLeft`.
        unreadable: How many of its trials could not be read.
    """

    record: StudyRecord
    trials: tuple[WatchedTrial, ...]
    time_left: StudyTimeLeft
    unreadable: int = 0


@dataclass(frozen=True)
class Snapshot:
    """A store at one moment.

    Attributes:
        studies: The oldest first.
        others: Trials that no study lists.
        unreadable: Files that could not be read, with the reason.
        left: The time of all trials that are left; one that several studies list counts once.
    """

    root: Path
    taken_at: float
    studies: tuple[WatchedStudy, ...]
    others: tuple[WatchedTrial, ...]
    unreadable: tuple[str, ...]
    left: StudyTimeLeft

    @property
    def trials(self) -> list[WatchedTrial]:
        """Every readable trial once."""
        known = {trial.trial_id: trial for study in self.studies for trial in study.trials}
        return [*known.values(), *self.others]


class StoreWatcher:
    """Takes snapshots of a store; a file is read again only if its time, size or inode changed."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._read: dict[str, tuple[_Signature, Any]] = {}
        self._epochs: dict[str, int] = {}
        self._models: dict[str, str] = {}

    def snapshot(self) -> Snapshot:
        """The store now.

        Raises:
            UnavailableFile: One of its folders could not be listed.
        """
        unreadable: dict[str, str] = {}
        records = self._studies(unreadable)
        seen: dict[str, WatchedTrial | None] = {}
        studies = []
        for record in records:
            labels = {
                trial: record.name_of(arm.label) if arm.label else record.title
                for arm in record.arms
                for trial in arm.trials
            }
            for trial_id, label in labels.items():
                if seen.get(trial_id) is None and trial_id not in seen:
                    seen[trial_id] = self._trial(trial_id, label, record.title, unreadable)
            found = [
                replace(trial, label=label, study=record.title)
                for trial_id, label in labels.items()
                if (trial := seen[trial_id]) is not None
            ]
            left = seconds_left(record, {trial.trial_id: trial for trial in found})
            missing = len(labels) - len(found)
            studies.append(WatchedStudy(record, tuple(found), left, missing))
        others = [
            trial
            for trial_id in self._store.trial_ids()
            if trial_id not in seen
            and (trial := self._trial(trial_id, "", "", unreadable)) is not None
        ]
        return Snapshot(
            self._store.root,
            self._clock(),
            tuple(studies),
            tuple(others),
            tuple(unreadable.values()),
            StudyTimeLeft.together(study.time_left for study in studies),
        )

    def _studies(self, unreadable: dict[str, str]) -> list[StudyRecord]:
        found = []
        for path in self._store.study_paths():
            study = self._unless_known(str(path), partial(read_study, path), unreadable)
            if study is not None:
                found.append(study)
        return sorted(
            found,
            key=lambda study: (study.created_at, study.name),
        )

    def _trial(
        self, trial_id: str, label: str, study: str, unreadable: dict[str, str]
    ) -> WatchedTrial | None:
        """The trial; None if it cannot be read."""
        folder = self._store.folder(trial_id)
        failures = len(unreadable)
        state = self._unless_known(
            f"{folder}{os.sep}state.json", lambda: read_state(folder), unreadable, State()
        )
        if state is None or not self._knows_spec(folder, state, unreadable):
            return None
        history: tuple[dict[str, Any], ...] = ()
        if state.status is not Status.PENDING or state.attempts:
            path = f"{folder}{os.sep}history.csv"
            history = self._unless_known(path, lambda: tuple(read_history(path)), unreadable) or ()
        if len(unreadable) > failures and state.status is Status.COMPLETE:
            return None
        trial = WatchedTrial(
            trial_id,
            label or self._models.get(trial_id, trial_id),
            study,
            state,
            self._epochs.get(trial_id),
            history,
        )
        if state.status is not Status.RUNNING:
            return trial
        gone = (
            state.host == socket.gethostname()
            and state.pid is not None
            and not psutil.pid_exists(state.pid)
        )
        return replace(trial, gone=gone, silent_seconds=self._silent(folder))

    def _knows_spec(self, folder: Path, state: State, unreadable: dict[str, str]) -> bool:
        """Whether the trial's spec is known; one that was never started has none."""
        path = f"{folder}{os.sep}spec.json"
        if _signature(path) is None and not state.attempts:
            return True
        spec = self._unless_known(path, lambda: read_spec(folder), unreadable)
        if spec is None:
            return False
        self._epochs[folder.name] = spec.train.epochs + spec.train.head_epochs
        self._models[folder.name] = spec.model.model
        return True

    def _unless_known(
        self,
        path: str,
        read: Callable[[], Content],
        unreadable: dict[str, str],
        missing: Content | None = None,
    ) -> Content | None:
        """A file's content, as read before if it has not changed; None if it cannot be read."""
        signature = _signature(path)
        if signature is None:
            return missing
        known = self._read.get(path)
        if known is None or known[0] != signature:
            try:
                known = (signature, read())
            except UnreadableFile as error:
                known = (signature, error)
            if not isinstance(known[1], UnavailableFile):  # that may pass without a change
                self._read[path] = known
        if isinstance(known[1], UnreadableFile):
            unreadable[path] = str(known[1])
            return None
        content: Content = known[1]
        return content

    def _silent(self, folder: Path) -> float:
        changes = [
            signature[0] / 1e9
            for name in SIGNS_OF_LIFE
            if (signature := _signature(f"{folder}{os.sep}{name}")) is not None
        ]
        return max(0.0, self._clock() - max(changes)) if changes else 0.0


def _signature(path: str) -> _Signature | None:
    """What changes when a file is replaced; None if there is none."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return (0, 0, 0)  # reading it says why
    return (found.st_mtime_ns, found.st_size, found.st_ino)

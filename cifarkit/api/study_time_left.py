"""An upper bound on the time that a study's trials still take, from those that ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cifarkit.api.watched_trial import WatchedTrial
from cifarkit.store.records import Status
from cifarkit.store.study_records import StudyRecord


@dataclass(frozen=True)
class StudyTimeLeft:
    """Seconds that single trials still take at most, since training may stop early.

    Attributes:
        known: By trial id, of trials whose setting has run.
        unknown: Trials whose setting has not run an epoch yet, so that nothing is known.
    """

    known: Mapping[str, float]
    unknown: frozenset[str]

    @classmethod
    def together(cls, several: Iterable[StudyTimeLeft]) -> StudyTimeLeft:
        """Those of several studies; a trial of two counts once, with the longer time."""
        known: dict[str, float] = {}
        unknown: set[str] = set()
        for one in several:
            for trial, seconds in one.known.items():
                known[trial] = max(seconds, known.get(trial, 0.0))
            unknown |= one.unknown
        return cls(known, frozenset(unknown - known.keys()))

    def seconds(self, at_a_time: int) -> float | None:
        """With that many trials at a time; None if some trial's time is unknown.

        The longest one has to end too.
        """
        if self.unknown:
            return None
        return max(sum(self.known.values()) / max(1, at_a_time), *self.known.values(), 0.0)


def seconds_left(study: StudyRecord, trials: Mapping[str, WatchedTrial]) -> StudyTimeLeft:
    """The time left of a study's trials.

    A trial to come takes as long as the slowest of its setting would have with all its epochs.

    Args:
        trials: By id, those that could be read.
    """
    around = max((_around_epochs(trial) for trial in trials.values()), default=0.0)
    known: dict[str, float] = {}
    unknown: set[str] = set()
    for arm in study.arms:
        ran = [trials[trial] for trial in arm.trials if trial in trials and trials[trial].history]
        epoch = max(map(_epoch_seconds, ran), default=None)
        epochs = max((trial.epochs for trial in ran if trial.epochs), default=None)
        for trial_id in arm.trials:
            trial = trials.get(trial_id)
            if trial is None or not trial.left:
                continue
            most = trial.epochs or epochs
            if epoch is None or most is None:
                unknown.add(trial_id)
            elif trial.running and trial.history:
                known[trial_id] = max(0, most - len(trial.history)) * _epoch_seconds(trial) + around
            else:
                known[trial_id] = most * epoch + around
    return StudyTimeLeft(known, frozenset(unknown))


def _epoch_seconds(trial: WatchedTrial) -> float:
    """Seconds of a mean epoch, with its validation."""
    rows = trial.history
    seconds = sum(row.get("train_seconds", 0) + row.get("validation_seconds", 0) for row in rows)
    return float(seconds) / len(rows)


def _around_epochs(trial: WatchedTrial) -> float:
    """Seconds that a complete trial took apart from its epochs: its start and its scores."""
    began, ended = trial.state.started_at, trial.state.ended_at
    if trial.state.status is not Status.COMPLETE or not (trial.history and began and ended):
        return 0.0
    spent = (ended - began).total_seconds()
    return max(0.0, spent - len(trial.history) * _epoch_seconds(trial))

"""A trial of a watched store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cifarkit.store.records import State, Status


@dataclass(frozen=True)
class WatchedTrial:
    """A trial as its files are now.

    Attributes:
        label: The setting's label in its study; the network of a trial that no study lists.
        study: The title of the study; empty where none lists it.
        state: Its state; `pending` if it was never started.
        epochs: At most so many epochs; None if that is not known.
        history: A dict per epoch, see `TrialRecord`.
        gone: Whether it is recorded as running by a process of this machine that is not alive.
        silent_seconds: How long none of its files has changed, by this machine's clock; 0 unless it
            runs.
    """

    trial_id: str
    label: str
    study: str = ""
    state: State = field(default_factory=State)
    epochs: int | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    gone: bool = False
    silent_seconds: float = 0.0

    @property
    def running(self) -> bool:
        return self.state.status is Status.RUNNING and not self.gone

    @property
    def left(self) -> bool:
        """Whether it is still to be run, or to be run to its end; a failed one is not."""
        return self.state.status in (Status.RUNNING, Status.PENDING)

    @property
    def validation_accuracies(self) -> list[float]:
        return [row["validation_accuracy"] for row in self.history if "validation_accuracy" in row]


def last_finished(trials: Iterable[WatchedTrial], most: int) -> list[WatchedTrial]:
    """The trials that ended last, the latest first."""
    ended: list[tuple[datetime, WatchedTrial]] = [
        (trial.state.ended_at, trial)
        for trial in trials
        if trial.state.ended_at is not None and not trial.left
    ]
    return [trial for _, trial in sorted(ended, key=lambda pair: pair[0], reverse=True)[:most]]

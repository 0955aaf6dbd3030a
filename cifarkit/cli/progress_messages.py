"""What there is to tell of a run, however it is shown: how a trial ended, how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cifarkit.execution.runner import TrialEvent
from cifarkit.store.records import Status

Show = Callable[[TrialEvent], None]


@dataclass
class TimeLeft:
    """How long a run will still take, at most: early stopping may end trials sooner.

    Attributes:
        clock: Seconds, rising; handed in by tests.
    """

    clock: Callable[[], float] = time.monotonic
    _started: dict[str, float] = field(default_factory=dict)
    _share_done: dict[str, float] = field(default_factory=dict)
    _took: list[float] = field(default_factory=list)
    _settled: int = 0
    _of: int = 0

    def note(self, event: TrialEvent) -> None:
        trial, self._of = event.spec.trial_id, event.of
        if event.kind == "started":
            self._started[trial] = self.clock()
        elif event.kind == "epoch":
            self._share_done[trial] = event.values["epoch"] / event.values["epochs"]
        elif event.kind in ("ended", "found"):
            self._settled += 1
            self._share_done.pop(trial, None)
            if (began := self._started.pop(trial, None)) is not None:
                self._took.append(self.clock() - began)

    def seconds(self) -> float | None:
        """None as long as there is nothing to go by."""
        now = self.clock()
        whole = {
            trial: (now - self._started[trial]) / share
            for trial, share in self._share_done.items()
            if trial in self._started
        }
        known = [*self._took, *whole.values()]
        if not known:
            return None
        typical = sum(known) / len(known)
        running = sum(
            max(0.0, whole.get(trial, typical) - (now - began))
            for trial, began in self._started.items()
        )
        waiting = self._of - self._settled - len(self._started)
        return running + waiting * typical


def in_words(seconds: float | None) -> str:
    """`95` as `1:35`, `7000` as `1:56:40`."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def set_aside(event: TrialEvent, label: str) -> str:
    """Which files of a trial were damaged, in one line."""
    return f"{label}: damaged, set aside: {'; '.join(event.values['files'])}"


def waiting(event: TrialEvent, label: str) -> str:
    """Who runs a trial that this command would have run, in one line."""
    return f"{label}: {event.values['by']} is running it; the others first, then waiting for it"


def outcome(event: TrialEvent, label: str, last: Mapping[str, float] | None) -> str:
    """How a trial ended, in one line.

    Args:
        last: Its last epoch, as the event had it; None if it finished none.
    """
    if event.kind == "found":
        return f"{label}: done earlier"
    if event.values["status"] == Status.COMPLETE:
        if last is None:
            return f"{label}: complete"
        score = f"validation accuracy {last['validation_accuracy']:.3f}"
        epochs = "1 epoch" if last["epoch"] == 1 else f"{last['epoch']} epochs"
        return f"{label}: complete after {epochs}, {score}"
    return f"{label}: {event.values['status']}: {event.values['reason']}"


def another_go(event: TrialEvent, label: str) -> str:
    """Why a trial is tried again, and how, in one line."""
    values = event.values
    return f"{label}: {values['reason']}; again in micro-batches of {values['micro_batch']}"

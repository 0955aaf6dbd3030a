"""Progress messages and the remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cifarkit.execution.events import (
    EpochEnded,
    FilesDamaged,
    Moved,
    Payload,
    TrialEnded,
    TrialEvent,
    TrialFound,
    TrialRetried,
    TrialStarted,
    TrialWaiting,
)
from cifarkit.store.records import Status

Show = Callable[[TrialEvent], None]


@dataclass
class TimeLeft:
    """An upper bound on a run's remaining time: early stopping may end trials sooner.

    Attributes:
        clock: A monotonic clock in seconds; tests replace it.
    """

    clock: Callable[[], float] = time.monotonic
    _started: dict[str, float] = field(default_factory=dict)
    _share_done: dict[str, float] = field(default_factory=dict)
    _took: list[float] = field(default_factory=list)
    _settled: int = 0
    _of: int = 0

    def note(self, event: TrialEvent) -> None:
        trial, self._of = event.spec.trial_id, event.of
        match event.payload:
            case TrialStarted():
                self._started[trial] = self.clock()
            case EpochEnded(epoch, epochs):
                self._share_done[trial] = epoch / epochs
            case TrialEnded() | TrialFound():
                self._settled += 1
                self._share_done.pop(trial, None)
                if (began := self._started.pop(trial, None)) is not None:
                    self._took.append(self.clock() - began)

    def seconds(self) -> float | None:
        """None while there is no estimate."""
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


def message(payload: Payload, label: str, last: EpochEnded | None) -> str:
    """What happened to a trial, in one line; empty for its phases, steps and epochs.

    Args:
        last: The trial's last epoch; None if it finished none.
    """
    match payload:
        case TrialStarted():
            return f"{label}: started"
        case TrialRetried(micro_batch, reason):
            return f"{label}: {reason}; retrying with micro-batches of {micro_batch}"
        case Moved(reason):
            return f"{label}: {reason}; going on elsewhere"
        case FilesDamaged(files):
            return f"{label}: damaged, set aside: {'; '.join(files)}"
        case TrialWaiting(by):
            return f"{label}: {by} is running it; waiting for it after the other trials"
        case TrialFound():
            return f"{label}: already done"
        case TrialEnded(Status.COMPLETE):
            if last is None:
                return f"{label}: complete"
            epochs = "1 epoch" if last.epoch == 1 else f"{last.epoch} epochs"
            # The kept weights may be of an earlier epoch.
            score = f"last validation accuracy {last.validation_accuracy:.3f}"
            return f"{label}: complete after {epochs}, {score}"
        case TrialEnded(status, reason):
            return f"{label}: {status}: {reason}"
    return ""

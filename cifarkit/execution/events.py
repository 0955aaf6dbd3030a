"""Typed events of a run, from a trial's process and from the runner."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeAlias

from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status

MIN_INTERVAL_SECONDS = 0.5
"""Between two events of progress within an epoch or phase."""


@dataclass(frozen=True)
class PhaseChanged:
    """A trial enters a phase: `data`, `build`, `compile`, `evaluate`, ..."""

    phase: str


@dataclass(frozen=True)
class StepDone:
    """Progress within an epoch; sent about twice a second.

    Attributes:
        epoch: From 1, of `epochs`.
        images_seen: In this epoch, of `images`.
    """

    epoch: int
    epochs: int
    images_seen: int
    images: int


@dataclass(frozen=True)
class EpochEnded:
    """An epoch was trained and validated.

    Attributes:
        epoch: From 1, of `epochs`; early stopping may leave out the last ones.
        loss, validation_loss: Mean cross-entropy in nats; `loss` with label smoothing, if any.
        accuracy, validation_accuracy: Shares from 0 to 1.
        images_per_second: Of training.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    train_seconds: float
    validation_seconds: float
    images_per_second: float


@dataclass(frozen=True)
class Placed:
    """A launcher found a place for the trial.

    Attributes:
        place: A device or a node, as the user knows it.
        host: The machine, if it is not the command's.
    """

    place: str
    host: str = ""


@dataclass(frozen=True)
class Moved:
    """The place of a trial failed, not the trial: it goes on elsewhere, in the same attempt.

    Attributes:
        reason: What failed and how, in one line; the trial's record keeps it.
    """

    reason: str


@dataclass(frozen=True)
class WorkEnded:
    """The last event of a trial's process, for its launcher alone.

    Attributes:
        status: `complete`, `failed` or `oom`.
        reason: One line; empty if complete.
    """

    status: str
    reason: str = ""


WorkEvent: TypeAlias = PhaseChanged | StepDone | EpochEnded | Placed | Moved
"""Events of a trial's process, and of its launcher (`Placed`, `Moved`)."""
Emit = Callable[[WorkEvent], None]


@dataclass(frozen=True)
class TrialFound:
    """The trial was complete already."""


@dataclass(frozen=True)
class TrialWaiting:
    """Another process runs the trial.

    Attributes:
        by: The process and its host.
    """

    by: str


@dataclass(frozen=True)
class FilesDamaged:
    """Damaged files of the trial were set aside.

    Attributes:
        files: The name and the fault of each.
    """

    files: tuple[str, ...]


@dataclass(frozen=True)
class TrialStarted:
    """The first attempt of this run begins."""


@dataclass(frozen=True)
class TrialRetried:
    """The trial ran out of memory and starts again in smaller micro-batches.

    Attributes:
        micro_batch: Images in memory at once.
        reason: How the previous attempt ended, in one line.
    """

    micro_batch: int
    reason: str


@dataclass(frozen=True)
class TrialEnded:
    """The last attempt of this run ended. There is no such event after an interruption.

    Attributes:
        reason: One line; empty if complete.
    """

    status: Status
    reason: str = ""


Payload: TypeAlias = (
    WorkEvent | TrialFound | TrialWaiting | FilesDamaged | TrialStarted | TrialRetried | TrialEnded
)


@dataclass(frozen=True)
class TrialEvent:
    """Something that happened to a trial of a run.

    Attributes:
        number: The trial's place among those of this run, from 1.
        of: How many trials this run has.
        payload: What happened; use `match` on its class.
    """

    spec: TrialSpec
    number: int
    of: int
    payload: Payload


_ON_THE_WIRE: dict[str, type[WorkEvent] | type[WorkEnded]] = {
    kind.__name__: kind for kind in (PhaseChanged, StepDone, EpochEnded, Placed, Moved, WorkEnded)
}


def to_json(event: WorkEvent | WorkEnded) -> str:
    """An event as one line of JSON, without the newline."""
    return json.dumps({"event": type(event).__name__, **asdict(event)})


def from_json(line: bytes | str) -> WorkEvent | WorkEnded | None:
    """Parse a line written by `to_json`; None for anything else.

    A killed process may leave a truncated line.
    """
    try:
        values = json.loads(line)
        return _ON_THE_WIRE[values.pop("event")](**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None

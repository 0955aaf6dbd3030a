"""Trackers by name, and how they follow a run."""

from __future__ import annotations

from cifarkit.errors import InvalidInput
from cifarkit.execution.callbacks import Callback
from cifarkit.execution.events import EpochEnded, TrialEnded, TrialFound
from cifarkit.specs import TrialSpec
from cifarkit.store.store import Store
from cifarkit.tracking.tracker import Tracker, studies_by_trial

TRACKERS = ("mlflow", "tensorboard")


def create(to: str, at: str | None = None) -> Tracker:
    """The tracker of a name.

    Args:
        to: One of `TRACKERS`.
        at: MLflow's tracking URI or TensorBoard's folder; the tracker's own default if None.

    Raises:
        InvalidInput: There is none, or its package is not installed.
    """
    if to == "mlflow":
        from cifarkit.tracking.mlflow_runs import MlflowRuns

        return MlflowRuns(at)
    if to == "tensorboard":
        from cifarkit.tracking.tensorboard_events import TensorBoardEvents

        return TensorBoardEvents(at)
    raise InvalidInput(f"--to: give {' or '.join(TRACKERS)}, got {to!r}")


class LiveTracker(Callback):
    """Follows a run with a tracker: epochs as they come, the whole record at the end."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def on_trial_start(self, spec: TrialSpec) -> None:
        self._tracker.start(spec)

    def on_epoch(self, spec: TrialSpec, epoch: EpochEnded) -> None:
        self._tracker.epoch(spec, epoch)

    def on_trial_end(self, spec: TrialSpec, end: TrialEnded | TrialFound) -> None:
        if self.store is not None:
            store = Store(self.store)
            record = store.read(spec.trial_id)
            self._tracker.push(record, studies_by_trial(store).get(spec.trial_id, {}))


def live_mlflow() -> LiveTracker:
    """`--callback mlflow`."""
    return LiveTracker(create("mlflow"))


def live_tensorboard() -> LiveTracker:
    """`--callback tensorboard`."""
    return LiveTracker(create("tensorboard"))

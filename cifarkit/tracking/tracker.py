"""What a tracker does, and what it is given of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from cifarkit.digests import json_digest
from cifarkit.errors import InvalidInput
from cifarkit.execution.events import EpochEnded
from cifarkit.settings import LOCATIONS
from cifarkit.specs import SETTINGS, TrialSpec
from cifarkit.store.records import Status, TrialRecord
from cifarkit.store.store import Store

PER_EPOCH = ("loss", "accuracy", "validation_loss", "validation_accuracy", "images_per_second")


class Tracker(Protocol):
    """Keeps one run per trial, found by the trial's id."""

    def start(self, spec: TrialSpec) -> None:
        """A trial begins to train."""

    def epoch(self, spec: TrialSpec, epoch: EpochEnded) -> None:
        """An epoch of a trial that was started."""

    def push(self, record: TrialRecord, studies: Mapping[str, str]) -> bool:
        """Make the tracker's run what the record says.

        Args:
            record: A trial that ended, with its history.
            studies: The label of its arm by the name of each study that lists it.

        Returns:
            Whether something was written; False if the tracker has this very record.

        Raises:
            CifarkitError: The tracker cannot be reached or written, or a file is damaged.
        """


def missing_package(name: str) -> InvalidInput:
    return InvalidInput(f"{name} is not installed: python -m pip install 'cifarkit[{name}]'")


def studies_by_trial(store: Store) -> dict[str, dict[str, str]]:
    """By a trial's id: the label of its arm by the name of each study."""
    found: dict[str, dict[str, str]] = {}
    for study in store.studies():
        for arm in study.arms:
            for trial_id in arm.trials:
                found.setdefault(trial_id, {})[study.name] = arm.label
    return found


def run_name(spec: TrialSpec) -> str:
    return f"{spec.model.model}-{spec.trial_id}"


def parameters(spec: TrialSpec) -> dict[str, bool | int | float | str]:
    """The settings of a trial that have a value, by their flat names; no paths."""
    found: dict[str, bool | int | float | str] = {}
    for name, setting in SETTINGS.items():
        value = setting.of(spec)
        if isinstance(value, list | tuple):
            value = ", ".join(map(str, value))
        if value is not None and name not in LOCATIONS:
            found[name] = value
    return found


def epoch_scalars(row: Mapping[str, Any] | EpochEnded) -> dict[str, float]:
    """`epoch/loss` and so on, of a row of a history or of a live event."""
    values = asdict(row) if isinstance(row, EpochEnded) else row
    return {f"epoch/{name}": float(values[name]) for name in PER_EPOCH if name in values}


def result_scalars(model: BaseModel, prefix: str = "") -> dict[str, float]:
    """Every number of a result: `accuracy/test`, `time/fit_seconds`, `epochs_run`."""
    found: dict[str, float] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if name in ("environment", "hits", "schema_version"):
            continue
        if isinstance(value, BaseModel):
            found |= result_scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + name] = float(value)
    return found


def epoch_times(record: TrialRecord) -> list[float]:
    """When each epoch ended, in seconds since 1970, from the epochs' durations.

    The history has no times of day; the last epoch is taken to end with the trial.
    """
    time, found = _seconds(record.state.ended_at or record.state.started_at), []
    for row in reversed(record.history):
        found.append(time)
        time -= row.get("train_seconds", 0.0) + row.get("validation_seconds", 0.0)
    return found[::-1]


def started_and_ended(record: TrialRecord) -> tuple[float, float]:
    """In seconds since 1970."""
    state = record.state
    return _seconds(state.started_at or state.ended_at), _seconds(state.ended_at)


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def notes(record: TrialRecord) -> str:
    """What a reader of the trial's numbers must know; why it failed, of one that did."""
    reason = [record.state.reason] if record.state.reason else []
    return "\n\n".join([*reason, *(record.result.notes if record.result else ())])


def record_digest(record: TrialRecord) -> str:
    """Changes whenever something that is pushed does."""
    result = record.result.model_dump(mode="json") if record.result else None
    state = record.state.model_dump(mode="json", exclude={"pid", "host"})
    return json_digest([record.spec.model_dump(mode="json"), state, result, record.history], 32)


def ended(record: TrialRecord) -> bool:
    return record.complete or record.state.status in (Status.FAILED, Status.OOM, Status.TIMEOUT)

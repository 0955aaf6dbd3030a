"""Trains some trials of a store again, elsewhere, and compares what came out."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cifarkit.api import run as run_module
from cifarkit.api.progress import progress
from cifarkit.errors import InvalidInput
from cifarkit.execution.launchers import create as create_launcher
from cifarkit.execution.runner import run as run_trials
from cifarkit.store.predictions import of_trial
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import Store

MUST_MATCH = ("cpu", "gpu", "python", "tensorflow", "keras", "cifarkit", "threads", "onednn", "xla")
"""Where these are the same, and there is no GPU, a training repeats to the last bit."""


@dataclass(frozen=True)
class Retrained:
    """A trial that was trained again.

    Attributes:
        stated, found: The test accuracy in the store and the one of now; `found` is None where
            the training failed.
        changed_predictions: Test images that are classified differently.
        images: Test images.
        same_probabilities: Whether every stored probability is equal to the last bit.
        elsewhere: What differs between the two environments; empty if they should give the same.
        failure: Why it did not complete.
    """

    trial_id: str
    stated: float
    found: float | None = None
    changed_predictions: int = 0
    images: int = 0
    same_probabilities: bool = False
    elsewhere: tuple[str, ...] = ()
    failure: str = ""

    @property
    def equal(self) -> bool:
        return self.found == self.stated and not self.changed_predictions


def retrain(records: Sequence[TrialRecord], most: int) -> list[Retrained]:
    """Train up to so many of these trials again, drawn at random, one after the other.

    They are trained in a temporary store; the records' own is not touched. Those that start from
    another trial's weights are never drawn.
    """
    able = [
        record
        for record in records
        if record.complete and not record.spec.model.weights.startswith("trial:")
    ]
    drawn = random.SystemRandom().sample(able, min(most, len(able)))
    launcher = create_launcher("process", {})
    with tempfile.TemporaryDirectory(prefix="cifarkit-verify-") as folder:
        store = Store(Path(folder))
        labels = {record.trial_id: record.trial_id for record in drawn}
        with progress("Training again", labels) as show:
            run_trials(
                [record.spec for record in drawn],
                store,
                launcher,
                work=run_module.WORK["none"],
                on_event=show,
            )
        return [compared(record, store) for record in drawn]


def compared(before: TrialRecord, store: Store) -> Retrained:
    """A trial, and what the same training gave in another store."""
    assert before.result is not None
    stated = before.result.accuracy.test
    after = store.read(before.trial_id)
    if after.result is None:
        return Retrained(before.trial_id, stated, failure=after.state.reason or "it did not end")
    try:
        old, new = of_trial(before), of_trial(after)
    except InvalidInput as error:
        return Retrained(before.trial_id, stated, failure=str(error))
    environments = before.result.environment, after.result.environment
    elsewhere = [
        f"{name} {values[0]} there, {values[1]} here"
        for name in MUST_MATCH
        if len(set(values := [getattr(one, name) for one in environments])) > 1
    ]
    if after.result.environment.gpu:
        elsewhere.append("a GPU does not repeat to the last bit")
    if before.state.micro_batch:
        elsewhere.append(f"micro-batches of {before.state.micro_batch} there, whole batches here")
    alike = old.predictions.shape == new.predictions.shape
    changed = (old.predictions != new.predictions).sum() if alike else len(old.predictions)
    return Retrained(
        before.trial_id,
        stated,
        after.result.accuracy.test,
        int(changed),
        len(old.predictions),
        old.probabilities is not None
        and new.probabilities is not None
        and np.array_equal(old.probabilities, new.probabilities),
        tuple(elsewhere),
    )

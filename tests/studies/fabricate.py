"""Finished trials of planned studies, with whatever accuracy, cost and time a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarkit.specs import TrialSpec
from cifarkit.store.records import State, Status, TrialRecord
from cifarkit.store.store import Store, write_result
from cifarkit.store.study_records import StudyRecord
from cifarkit.studies.study import Study
from tests.reporting.fabricate import result

IMAGES = 4_000

Score = Callable[[TrialSpec], tuple[float, float]]
"""Validation accuracy and training seconds of a made-up trial."""


def finished(
    root: Path, spec: TrialSpec, right: NDArray[np.bool_], *, state: Mapping[str, Any], **of: Any
) -> TrialRecord:
    """A trial that was right on these validation images.

    Args:
        of: Of its result, see `tests.reporting.fabricate.result`.
    """
    store = Store(root)
    folder = store.add(spec)
    store.write_state(spec.trial_id, State(status=Status.COMPLETE, attempts=1, **state))
    write_result(folder, result(accuracy=float(right.mean()) - 0.005, **of))
    labels, predictions = np.zeros(right.size, np.int32), (~right).astype(np.int32)
    np.savez(
        folder / "predictions.npz",
        labels=labels,
        predictions=predictions,
        probabilities=np.eye(2, dtype=np.float16)[predictions],
        validation_labels=labels,
        validation_predictions=predictions,
    )
    return store.read(spec.trial_id)


def scattered(spec: TrialSpec, accuracy: float) -> NDArray[np.bool_]:
    """Right on exactly that share; the wrong images of two trials overlap by chance."""
    order = np.random.default_rng(int(spec.trial_id, 16)).permutation(IMAGES)
    return np.isin(np.arange(IMAGES), order[round((1 - accuracy) * IMAGES) :])


def runner(root: Path, score: Score) -> Callable[[Study], tuple[StudyRecord, Mapping]]:
    def run_step(study: Study) -> tuple[StudyRecord, Mapping[str, TrialRecord]]:
        records = {}
        for spec in study.specs():
            accuracy, seconds = score(spec)
            right = scattered(spec, accuracy)
            records[spec.trial_id] = finished(root, spec, right, state={}, time_s=seconds)
        return study.record(""), records

    return run_step

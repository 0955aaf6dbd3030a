"""The published preset as a finished store that nobody trained.

Parameters and memory are what cifarkit computes for each trial; times are twice, accuracies one
point above the published ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cifarkit.api.studies import study
from cifarkit.profiling.measurements import Memory
from cifarkit.reporting import published
from cifarkit.specs import TrialSpec
from cifarkit.store.store import Store
from cifarkit.store.study_records import Arm, Choice, StudyRecord
from cifarkit.studies.pipeline import StepResult
from cifarkit.training.cost_estimate import Plan, plan
from tests.reporting.fabricate import Fabricator, hits, result

TEST_IMAGES = 8_000
UNPUBLISHED = {"accuracy": 0.82, "time_s": 1_500.0, "epochs": 60}
BETTER_BY = 0.01
SLOWER = 2.0


def published_preset(root: Path) -> tuple[Store, list[StudyRecord]]:
    """Every step of `cifarkit study published`, each going on as the file assumes."""
    fabricator = Fabricator(root)
    steps = list(study("published").steps())
    specs = {spec.trial_id: spec for step in steps for spec in _of(step).specs()}
    costs = dict(zip(specs, plan(list(specs.values())), strict=True))
    made: set[str] = set()
    records = []
    for step in steps:
        record = _with_choice(step)
        for planned, arm in zip(_of(step).arms, record.arms, strict=True):
            for spec in planned.specs:
                row = published.row(record.axes, arm, spec) or {}
                if "outcome" in row:
                    row = {}
                if spec.trial_id not in made:
                    made.add(spec.trial_id)
                    _store(fabricator, spec, UNPUBLISHED | row, costs[spec.trial_id])
        fabricator.store.write_study(record)
        records.append(record)
    return fabricator.store, records


def _of(step: StepResult) -> Any:
    assert step.study is not None
    return step.study


def _with_choice(step: StepResult) -> StudyRecord:
    record: StudyRecord = _of(step).record("cifarkit study published")
    if not (step.step.choose and step.step.vary):
        return record
    values = {
        name: value[0] if isinstance(value, list) else value
        for name, value in step.step.assume.items()
    }
    arm = _arm(record.arms, values)
    choice = Choice(arm=arm.label, settings=arm.settings, reason="as the study file assumes")
    return record.model_copy(update={"choice": choice})


def _arm(arms: Sequence[Arm], values: dict[str, Any]) -> Arm:
    return next(arm for arm in arms if values.items() <= arm.settings.items())


def _store(fabricator: Fabricator, spec: TrialSpec, row: dict[str, Any], cost: Plan) -> None:
    accuracy = row["accuracy"] + BETTER_BY
    random = np.random.default_rng(zlib.crc32(spec.trial_id.encode()))
    right = random.permutation(TEST_IMAGES) < round(accuracy * TEST_IMAGES)
    memory = Memory(
        estimated_mb=cost.estimated_mb,
        estimated_with_input_mb=cost.estimated_with_input_mb,
        peak_rss_mb=4_096.0,
        baseline_rss_mb=700.0,
    )
    made = result(
        accuracy=accuracy,
        time_s=SLOWER * row["time_s"] if "time_s" in row else 1_500.0,
        total_params=cost.total_params,
        trainable_params=cost.trainable_params,
        epochs=row["epochs"],
        memory=memory,
        test_images=TEST_IMAGES,
        hits=hits(right),
        best_epoch=max(1, row["epochs"] - spec.train.patience),
    )
    fabricator.of_spec(spec, made)

"""The plan of a study: trials with parameters, estimated memory and expected time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cifarkit.api.data_notes import check_data
from cifarkit.api.studies import PlannedStudy
from cifarkit.console import busy, say
from cifarkit.datasets.registry import scanned_once
from cifarkit.specs import TrialSpec
from cifarkit.store.store import Store
from cifarkit.store.studies import find
from cifarkit.studies.provenance_changes import other_graph, other_packages
from cifarkit.studies.runtime_estimate import RuntimeEstimates
from cifarkit.studies.study import Study

NOT_POSSIBLE = "not possible"


@dataclass(frozen=True)
class TrialCost:
    """One trial, or an arm that is not possible, which has no trial.

    Attributes:
        step: The title of the study that it is of.
        image_size: In pixels.
        estimated_memory_mb: By the published study's estimate (see `profiling.memory`).
        expected_seconds: At most, since training may stop early; 0 if it is done, None if the
            store has nothing to go by.
        status: Empty, or that it is done or not possible.
    """

    step: str
    arm: str
    image_size: int | None
    parameters: int | None
    trainable_parameters: int | None
    estimated_memory_mb: float | None
    expected_seconds: float | None
    status: str
    trial: str | None


@scanned_once()
def plan_trials(
    planned: PlannedStudy,
    store: str | os.PathLike[str] = "runs",
    *,
    name: str | None = None,
    strict: bool = False,
) -> list[TrialCost]:
    """The trials of a study; one that two steps share is listed once. Trains nothing.

    The time is expected from the store's trials of the same network and size on this machine.

    Raises:
        InvalidInput: The data cannot be used, or the name is another study's.
    """
    from cifarkit.reporting import layouts
    from cifarkit.reporting.table_columns import MEMORY
    from cifarkit.training.cost_estimate import plan

    stored = Store(Path(store))
    studies: list[Study] = []
    arms: dict[str, tuple[Study, str, TrialSpec]] = {}
    for step in planned.steps():
        if step.skipped:
            say(f"{step.step.title}: left out: {step.skipped}")
        if step.study is None:
            continue
        studies.append(step.study)
        by_id = {spec.trial_id: spec for spec in step.study.specs()}
        find(stored, step.study.record(""), name, by_id)
        for arm in step.study.arms:
            for spec in arm.specs:
                arms.setdefault(spec.trial_id, (step.study, arm.label, spec))
    for study in studies:
        if study.rates:
            say(study.rates)
    specs = [spec for _, _, spec in arms.values()]
    check_data(specs, stored, strict=strict)
    for sentence in other_packages(specs, stored):
        say(sentence, "yellow")
    experience = RuntimeEstimates.of(stored)
    rows: list[TrialCost] = []
    with busy("Counting and estimating ..."):
        for cost in plan(specs):
            spec = cost.spec
            study, label, _ = arms[spec.trial_id]
            done = stored.is_complete(spec.trial_id)
            changed = done and other_graph(stored.read(spec.trial_id), cost.graph_sha256)
            rows.append(
                TrialCost(
                    study.title,
                    label or study.title,
                    spec.model.image_size,
                    cost.total_params,
                    cost.trainable_params,
                    cost.estimated_mb
                    if MEMORY in layouts.along(study.axes).measures
                    else cost.estimated_with_input_mb,
                    0.0 if done else experience.seconds(spec),
                    "done, from a graph other than is built now"
                    if changed
                    else "done"
                    if done
                    else "",
                    spec.trial_id,
                )
            )
    for study in studies:
        for arm in study.arms:
            if arm.impossible:
                why = f"{NOT_POSSIBLE}: {arm.impossible}"
                rows.append(
                    TrialCost(study.title, arm.label, None, None, None, None, None, why, None)
                )
    return rows

"""The plan of a study: trials with parameters, estimated memory and expected time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cifarkit import text
from cifarkit.api.data_notes import check_data
from cifarkit.console import busy, say
from cifarkit.evaluation.looks import FIRST_LOOK
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import Store
from cifarkit.store.studies import find
from cifarkit.store.trials import read_all
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.pipeline import StepResult
from cifarkit.studies.provenance_changes import other_graph, other_packages
from cifarkit.studies.runtime_estimate import RuntimeEstimates
from cifarkit.studies.study import Study
from cifarkit.text import unique

if TYPE_CHECKING:
    from cifarkit.training.cost_estimate import Plan

NOT_POSSIBLE = "not possible"
IF_NEEDED = "if needed"


@dataclass(frozen=True)
class TrialCost:
    """One trial of a step, or an arm that is not possible, which has no trial.

    Attributes:
        step: The title of the study that it is of.
        axes: What that study varies.
        settings: All settings by flat name; of an arm that is not possible, what it varies.
        estimated_memory_mb: By the published study's estimate (see `profiling.memory`).
        expected_seconds: At most, since training may stop early; 0 if it is done or an earlier
            step's, None if the store has nothing to go by.
        status: Empty, or that it is done, an earlier step's, not possible, or run only if the seeds
            before it do not settle the comparison.
    """

    step: str
    axes: tuple[str, ...]
    arm: str
    settings: Mapping[str, Any]
    parameters: int | None = None
    trainable_parameters: int | None = None
    estimated_memory_mb: float | None = None
    expected_seconds: float | None = None
    status: str = ""
    trial: str | None = None

    @property
    def non_trainable_parameters(self) -> int | None:
        if self.parameters is None or self.trainable_parameters is None:
            return None
        return self.parameters - self.trainable_parameters


def plan_trials(
    steps: Iterable[StepResult],
    inputs: Inputs,
    store: str | os.PathLike[str] = "runs",
    *,
    name: str | None = None,
    strict: bool = False,
    finished: Callable[[], Iterable[TrialRecord]] | None = None,
) -> list[TrialCost]:
    """The trials of a study, step by step; one that two steps share is in both. Trains nothing.

    The time is expected from the store's trials of the same network and size on this machine.

    Args:
        finished: Reads these trials; called once, after everything that may refuse the study.

    Raises:
        InvalidInput: The data cannot be used, or the name is another study's.
    """
    from cifarkit.training.cost_estimate import plan

    stored = Store(Path(store))
    studies = _studies(steps, stored, name)
    by_id = {spec.trial_id: spec for study in studies for spec in study.specs()}
    for sentence in unique(study.recipe_in_words for study in studies):
        if sentence:
            say(sentence)
    for study in studies:
        if study.rates:
            say(study.rates)
    specs = list(by_id.values())
    check_data(specs, stored, inputs, strict=strict)
    for sentence in other_packages(specs, stored):
        say(sentence, "yellow")
    trials = finished() if finished else read_all(stored, stored.trial_ids()).values()
    experience = RuntimeEstimates.of(trials, inputs)
    with busy("Counting and estimating ..."):
        costs = dict(zip(by_id, plan(specs), strict=True))
    later = [spec.model.model for spec in specs if costs[spec.trial_id].total_params is None]
    for key in text.unique(later):
        say(f"{key}: its parameters are known once a training has downloaded it.", "yellow")
    status = {trial: _done(stored, cost) for trial, cost in costs.items()}
    rows: list[TrialCost] = []
    for study in studies:
        rows += _rows(study, costs, status, experience)
        for spec in study.specs():
            status[spec.trial_id] = status[spec.trial_id] or f"as in {study.title}"
    return rows


def _studies(steps: Iterable[StepResult], store: Store, name: str | None) -> list[Study]:
    """The study of each step that applies; says which steps do not."""
    studies = []
    for step in steps:
        if step.skipped:
            say(f"{step.step.title}: left out: {step.skipped}")
        if step.step.screen:
            say(
                f"{step.step.title}: a screening, which a dry run leaves out; it shows the "
                "trials of the networks that the file assumes, or names first",
                "yellow",
            )
        if step.study is not None:
            studies.append(step.study)
            by_id = {spec.trial_id: spec for spec in step.study.specs()}
            find(store, step.study.record(""), name, by_id)
    return studies


def _rows(
    study: Study,
    costs: Mapping[str, Plan],
    statuses: Mapping[str, str],
    experience: RuntimeEstimates,
) -> Iterator[TrialCost]:
    from cifarkit.reporting import layouts
    from cifarkit.reporting.hyperparameters import flat
    from cifarkit.reporting.table_columns import MEMORY

    with_input = MEMORY not in layouts.along(study.axes).measures
    for arm in study.arms:
        label = arm.label or study.title
        if arm.impossible:
            why = f"{NOT_POSSIBLE}: {arm.impossible}"
            yield TrialCost(study.title, study.axes, label, arm.settings, status=why)
        for seed, spec in enumerate(arm.specs):
            cost, status = costs[spec.trial_id], statuses[spec.trial_id]
            needed = bool(status) or not study.max_seeds or seed < FIRST_LOOK
            yield TrialCost(
                study.title,
                study.axes,
                label,
                flat(spec),
                cost.total_params,
                cost.trainable_params,
                cost.estimated_with_input_mb if with_input else cost.estimated_mb,
                0.0 if status else experience.seconds(spec),
                status if needed else IF_NEEDED,
                spec.trial_id,
            )


def _done(store: Store, cost: Plan) -> str:
    if not store.is_complete(cost.spec.trial_id):
        return ""
    changed = other_graph(store.read(cost.spec.trial_id), cost.graph_sha256)
    return "done, with a graph that differs from the one built now" if changed else "done"

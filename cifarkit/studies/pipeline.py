"""Running a study file: each step is planned from the choices of earlier steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cifarkit.digests import json_digest
from cifarkit.errors import InvalidInput
from cifarkit.models.registry import get as get_backbone
from cifarkit.store.records import TrialRecord
from cifarkit.store.screens import ScreenRecord
from cifarkit.store.study_records import Choice, StudyRecord
from cifarkit.studies.config import KEPT, Step, StudyFile
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.screening import ALL, DATA_SETTINGS, plan_screen
from cifarkit.studies.selection import Selection
from cifarkit.studies.study import PlannedArm, Study, of_one_network, plan_arm
from cifarkit.studies.sweep import sweep
from cifarkit.text import listed

RunStep = Callable[[Study], tuple[StudyRecord, Mapping[str, TrialRecord]]]
"""Runs a step's trials and returns the study and its records from the store."""
RunScreen = Callable[[Sequence[str], Mapping[str, Any], float | None], ScreenRecord]
"""Screens networks with the flat settings of a study, up to a number of parameters."""


@dataclass
class Position:
    """The choices made so far.

    Attributes:
        settings: Flat settings of the trials to come.
        kept: The networks that `"kept"` stands for.
        given: Names of settings given by the user, which override a step's own.
    """

    settings: dict[str, Any]
    kept: list[Any] = field(default_factory=list)
    given: frozenset[str] = frozenset()

    def keep(self, networks: Sequence[str]) -> None:
        """Go on with networks, the first of them where a step takes one."""
        self.kept = list(networks)
        self.settings["model"] = self.kept[0]

    def assume(self, step: Step, study: Study, *, exactly: bool = True) -> PlannedArm:
        """Go on as the step's `assume` says.

        Args:
            exactly: Refuse an assumption that does not name one arm; the last one otherwise.

        Raises:
            InvalidInput: Nothing is assumed of a setting that varies, or there is no such arm.
        """
        possible = [arm for arm in study.arms if arm.specs]
        assumed = {
            name: value if isinstance(value, list) else [value]
            for name, value in step.assume.items()
        }
        wanted = {name: values[0] for name, values in assumed.items()}
        found = [arm for arm in possible if wanted.items() <= arm.settings.items()]
        if exactly:
            missing = [name for name in step.vary if name not in wanted]
            if missing or not found:
                what = (
                    f"nothing for {listed(missing)}"
                    if missing
                    else f"{wanted}, which is no setting of it"
                )
                raise InvalidInput(
                    f"step {step.title!r}: 'assume' has {what}; to go on as the file assumes "
                    f"(--as-published, follow = 'assume') it needs to name one of: "
                    f"{', '.join(arm.label for arm in possible)}"
                )
        arm = found[0] if found else possible[-1]
        self.settings |= arm.settings
        if "model" in step.vary:
            self.kept = (assumed.get("model") or [arm.settings["model"]])[: step.keep]
        return arm


@dataclass(frozen=True)
class StepResult:
    """A completed or skipped step.

    Attributes:
        study: None if the step does not apply.
        choice: The choice; None if the step makes none.
        skipped: Why the step does not apply.
    """

    step: Step
    study: Study | None = None
    choice: Choice | None = None
    skipped: str = ""


def walk(
    file: StudyFile,
    *,
    overrides: Mapping[str, Any],
    inputs: Inputs,
    run_step: RunStep,
    run_screen: RunScreen | None = None,
) -> Iterator[StepResult]:
    """Run the steps in order, yielding each when it is done.

    All steps are planned before the first one runs, with what the file assumes for its choices: a
    value that a later step cannot take must not be found out after hours of training.

    Args:
        overrides: Settings that replace the file's; None leaves the file's.
        inputs: The data and weights of all steps.
        run_step: Runs the trials of one step.
        run_screen: Runs a screening; needed for a file that has one.

    Raises:
        InvalidInput: A step cannot be planned.
        NothingToChooseFrom: No trial of a step completed.
    """
    for _ in preview(file, overrides=overrides, inputs=inputs):
        pass
    for position, planned in _planned(file, overrides, inputs):
        step, study = planned.step, planned.study
        if step.screen and run_screen is not None:
            models, settings = _screened(step, position)
            position.keep(kept(run_screen(models, settings, step.max_parameters), step.keep))
        if study is None:
            yield planned
            continue
        record, records = run_step(study)
        if not (step.choose and step.vary):
            yield planned
            continue
        selection = Selection(record, records)
        choice = selection.choose(tolerance=file.tolerance, cost=file.cost)
        if file.follow == "assume":
            choice = selection.follow(position.assume(step, study).label, choice)
        else:
            position.settings |= choice.settings
            if "model" in step.vary and step.keep > 1:
                position.kept = selection.best_values(choice, "model", step.keep)
        yield replace(planned, choice=choice)


def preview(
    file: StudyFile, *, overrides: Mapping[str, Any], inputs: Inputs
) -> Iterator[StepResult]:
    """The same steps, with the file's assumptions in place of results."""
    for position, planned in _planned(file, overrides, inputs):
        yield planned
        step, study = planned.step, planned.study
        if step.screen:
            models, settings = _screened(step, position)
            plan = plan_screen(models, settings, max_parameters=step.max_parameters)
            known = [spec.model.model for spec in plan.specs]
            assumed = step.assume.get("model", known)
            position.keep((assumed if isinstance(assumed, list) else [str(assumed)])[: step.keep])
        elif study is not None and step.choose and step.vary:
            position.assume(step, study, exactly=file.follow == "assume")


def _planned(
    file: StudyFile, overrides: Mapping[str, Any], inputs: Inputs
) -> Iterator[tuple[Position, StepResult]]:
    """Each step, planned from where the caller has moved the position after the one before."""
    given = {name: value for name, value in overrides.items() if value is not None}
    position = Position({**file.common, **given}, given=frozenset(given))
    whole_id = ""
    for number, step in enumerate(file.step, start=1):
        study, skipped = plan_step(file, number, position, inputs)
        if study is not None:
            whole_id = whole_id or _whole_id(file, given, study)
            study = replace(study, whole_id=whole_id)
        yield position, StepResult(step, study, skipped=skipped)


def _whole_id(file: StudyFile, given: Mapping[str, Any], first: Study) -> str:
    """A digest that distinguishes wholes of one name with other settings, steps or data.

    The first step's identity stands for the data, wherever it lies.
    """
    where = {"dataset", "location"}
    settings = {
        name: value for name, value in {**file.common, **given}.items() if name not in where
    }
    steps = [step.model_dump(mode="json", exclude_defaults=True) for step in file.step]
    identity = first.record("").identity
    rule = file.model_dump(include={"follow", "tolerance", "cost"}, exclude_defaults=True)
    return json_digest([settings, sorted(given.keys() - where), steps, identity, *rule.items()])


def plan_step(
    file: StudyFile, number: int, position: Position, inputs: Inputs
) -> tuple[Study | None, str]:
    """The study of a step, or None and why it does not apply to the chosen network."""
    step = file.step[number - 1]
    if step.screen:
        return None, ""
    own = {name: value for name, value in step.settings.items() if name not in position.given}
    settings = {**position.settings, **own}
    vary: dict[str, list[Any]] = {
        name: (position.kept or [settings.get("model")]) if values == KEPT else list(values)
        for name, values in step.vary.items()
    }
    if vary.get("model") == [None]:
        raise InvalidInput(
            f"step {step.title!r}: no earlier step varied model, so none was kept; list networks"
        )
    if "model" not in vary and "model" not in settings:
        raise InvalidInput(f"step {step.title!r}: no network is chosen yet; vary or set model")
    if reason := _pointless(vary, settings):
        return None, reason
    fixed = {name: value for name, value in settings.items() if name not in vary}
    if vary:
        study = sweep(fixed, vary, inputs=inputs, seeds=file.most_seeds)
    else:
        name = get_backbone(settings["model"]).name
        arm = plan_arm(name, of_one_network(settings), {}, inputs=inputs, seeds=file.most_seeds)
        study = Study("single", step.title, (), (arm,))
    study = replace(study, title=step.title, part_of=file.name, whole_title=file.title)
    limit = file.most_seeds if file.seeds == "auto" else 0
    study = replace(study, step=number, equivalence=file.equivalence, max_seeds=limit)
    study = replace(study, recipe=settings.get("recipe") or "")
    return study, ""


def kept(record: ScreenRecord, most: int) -> list[str]:
    """Of the networks that go on after a screening the best, several with ImageNet's best."""
    networks = {one.model: one for one in record.networks if one.goes_on}
    chosen = list(networks)[:most]
    known = {key: one.imagenet_top1 for key, one in networks.items() if one.imagenet_top1}
    best = max(known, key=lambda key: known[key] or 0.0, default=chosen[0])
    if best not in chosen and most > 1:
        chosen[-1] = best
    return chosen


def _screened(step: Step, position: Position) -> tuple[Sequence[str], dict[str, Any]]:
    """The networks of a screening, and the settings that it takes."""
    settings = {**position.settings, **step.settings}
    wanted = {name: settings.get(name) for name in (*DATA_SETTINGS, "weights", "image_size")}
    models = step.vary.get("model", ALL)
    return (models,) if isinstance(models, str) else tuple(map(str, models)), wanted


def _pointless(vary: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Why the step's settings do not apply to a network; empty if they do."""
    if "model" in vary:
        return ""
    facts = get_backbone(str(settings["model"]))
    if facts.includes_head and "unfreeze" in vary:
        return f"{facts.name} is trained from scratch: there is no depth to choose"
    if not facts.uses_dropout and "dropout" in vary:
        return f"{facts.name} has no dropout"
    return ""

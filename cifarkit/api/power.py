"""How many seeds a comparison needs, and what a planned study will be able to see."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cifarkit.api.planned_study import PlannedStudy
from cifarkit.api.power_inputs import Given, StoredTrials, mean_trial_seconds, variation
from cifarkit.api.studies import study as plan_study
from cifarkit.errors import InvalidInput
from cifarkit.evaluation import power as formulas
from cifarkit.evaluation.comparison import LEVEL
from cifarkit.evaluation.looks import planned_looks
from cifarkit.reporting import formatting
from cifarkit.reporting.repeated_trials import test_part
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.pipeline import StepResult
from cifarkit.studies.runtime_estimate import RuntimeEstimates
from cifarkit.studies.study import Study
from cifarkit.text import listed, unique

if TYPE_CHECKING:
    import pandas as pd

TIMES_IMAGES = (0.5, 1, 2, 4)
"""Without a plan, numbers of test images to show, by that of the store's trials."""


@dataclass(frozen=True)
class PowerRow:
    """One comparison.

    Attributes:
        step: The title of the planned study; empty without one.
        settings: How many are compared.
        test_images: Of each run.
        seeds: Of each setting: planned, the most of `seeds="auto"`, or needed for the difference
            that was asked for; None if that is more than 200.
        smallest_difference: In points of accuracy, seen with these seeds with a probability of
            0.8; None with one seed, which compares models only.
        trainings: Of all settings and seeds.
        hours: What these take; None if the store has nothing to go by.
    """

    step: str
    settings: int
    test_images: int
    seeds: int | None
    smallest_difference: float | None = None
    trainings: int | None = None
    hours: float | None = None


@dataclass(frozen=True)
class PowerAnalysis:
    """What `power` returns.

    Attributes:
        rows: The comparisons.
        assumptions: Sentences on what the numbers rest on.
    """

    rows: tuple[PowerRow, ...]
    assumptions: tuple[str, ...]

    def to_dataframe(self) -> pd.DataFrame:
        """A row per comparison, with the attributes of `PowerRow`."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])


def power(
    plan: PlannedStudy | str | os.PathLike[str] | None = None,
    *,
    difference: float | None = None,
    settings: int | None = None,
    images: int | None = None,
    seed_sd: float | None = None,
    disagreement: float | None = None,
    between: float | None = None,
    store: str | os.PathLike[str] = "runs",
    study: str | None = None,
) -> PowerAnalysis:
    """How many seeds it takes to see a difference, or what a planned study will be able to see.

    A difference is seen if the report calls the better setting better
    (`evaluation.comparison.compare`); numbers are for a probability of 0.8. What is not given is
    estimated from the store's trials.

    Args:
        plan: A planned study, `"published"`, `"quick"`, `"best"` or the path of a study file.
        difference: In points of accuracy: how many seeds it takes to see it. If None, the smallest
            difference that the plan will be able to see.
        settings: How many are compared, 2 if None; a plan has its own.
        images: Test images. If None, as many as the store's trials have, and without a plan also
            half, twice and four times as many.
        seed_sd: In points: the standard deviation over seeds of a run's expected accuracy, without
            what the choice of test images adds.
        disagreement: The share of test images, 0..1, on which just one of two runs of a setting is
            right.
        between: The same of two runs of different settings.
        store: The folder of results, for what is not given and for the hours.
        study: Only the trials of this study.

    Raises:
        InvalidInput: A value cannot be used, or is neither given nor known from the store.
    """
    if plan is None and difference is None:
        raise InvalidInput("--difference: give the difference to see, in points, or a study file")
    if plan is not None and settings is not None:
        raise InvalidInput(f"--settings {settings}: the plan says how many are compared")
    _check("difference", difference, "a number of points above 0 and below 100", 0, 100)
    _check("settings", settings, "a whole number from 2 to 1000", 1, 1001, whole=True)
    _check("images", images, "a whole number of 2 or more", 1, 2**31, whole=True)
    _check("seed-sd", seed_sd, "a number of points above 0 and below 50", 0, 50)
    _check("disagreement", disagreement, "a share of the images above 0 and below 1", 0, 1)
    _check("between", between, "a share of the images above 0 and below 1", 0, 1)
    planned = plan_study(plan) if isinstance(plan, str | os.PathLike) else plan
    given = Given(images, seed_sd, disagreement, between)
    stored = StoredTrials.of(Path(store), study, needed=not given.enough)
    if planned is not None:
        return _of_plan(_compared(planned.steps()), planned.inputs, given, stored, difference)
    assert difference is not None
    return _of_difference(difference / 100, settings or 2, given, stored)


def outlook(steps: Iterable[StepResult], inputs: Inputs, stored: Callable[[], StoredTrials]) -> str:
    """What a planned study will be able to see, in a line; empty if it compares nothing.

    Args:
        stored: Reads the trials to judge by; called only if they are needed.
    """
    compared = _compared(steps)
    if not compared:
        return ""
    if all(_seeds(step) == 1 for step in compared):
        return (
            "One run each: only the trained models can be compared. --seeds 3 or more compare the "
            "settings."
        )
    known = stored()
    try:
        found = _of_plan(compared, inputs, Given(), known, None)
    except InvalidInput:
        return (
            "What differences this will see is not known: no trial on these data was repeated in "
            f"{known.place}. The first 3 seeds will tell; cifarkit power calculates with given "
            "values."
        )
    rows = [row for row in found.rows if row.seeds != 1]
    titled, added = len(compared) > 1, any(step.max_seeds for step in compared)
    seen = [
        f"{points(row.smallest_difference)} points between two of {row.settings} settings"
        f"{f' ({row.step})' * titled}"
        for row in rows
    ]
    each = unique(
        f"{'at most ' * added}{row.seeds} seeds each, {row.test_images:,} test images"
        for row in rows
    )
    unknown = [step.title for step in compared if step.title not in {r.step for r in found.rows}]
    return (
        f"Will see with a probability of {formulas.POWER:g}, by repeated trials in {known.place}: "
        f"{listed(seen)}; {listed(each)}.{f' Not known: {listed(unknown)}.' if unknown else ''}"
    )


def points(difference: float | None) -> str:
    """`1.4`; a step of a tenth is all that the estimates are worth."""
    if difference is None:
        return formatting.GAP
    return f"{difference:.1f}" if difference >= 0.95 else formatting.significant(difference, 1)


def _of_difference(
    difference: float, settings: int, given: Given, stored: StoredTrials
) -> PowerAnalysis:
    try:
        stored = stored.of_one_test_part()
    except InvalidInput:
        if not given.enough:
            raise
        stored = StoredTrials(stored.place)
    varies, images, sentences = variation(given, stored, None)
    seconds, time = mean_trial_seconds(stored.trials)
    rows = []
    sizes = [images] if given.images else [max(2, round(images * times)) for times in TIMES_IMAGES]
    for size in sizes:
        seeds = formulas.seeds_needed(difference, varies, arms=settings, images=size)
        rows.append(_row("", settings, size, seeds, varies, seconds and settings * seconds))
    return PowerAnalysis(tuple(rows), (*sentences, _rule(), time))


def _of_plan(
    compared: Sequence[Study],
    inputs: Inputs,
    given: Given,
    stored: StoredTrials,
    difference: float | None,
) -> PowerAnalysis:
    times = RuntimeEstimates.of(stored.trials, inputs)
    rows: list[PowerRow] = []
    sentences: list[str] = []
    faults: list[str] = []
    added = False
    for step in compared:
        data = next(step.specs()).data
        try:
            alike = stored.on(test_part(data))
            varies, images, found = variation(given, alike, "model" in step.axes)
        except InvalidInput as error:
            faults.append(f"{step.title}: {error}")
            continue
        arms = [arm.specs for arm in step.arms if arm.specs]
        seeds: int | None = _seeds(step)
        level = LEVEL
        if difference is None and step.max_seeds:
            level = planned_looks(step.max_seeds, LEVEL)[-1].level
            added = True
        if difference is not None:
            seeds = formulas.seeds_needed(difference / 100, varies, arms=len(arms), images=images)
        each = [times.seconds(specs[0]) for specs in arms]
        seconds = None if None in each else sum(one or 0.0 for one in each)
        rows.append(_row(step.title, len(arms), images, seeds, varies, seconds, level))
        sentences += found
    if not rows:
        raise InvalidInput(faults[0] if faults else "the plan compares no settings")
    if any(row.seeds == 1 for row in rows):
        sentences.append(
            "With one run each only the trained models can be compared; --difference says how "
            "many seeds the settings need."
        )
    if added:
        sentences.append(
            "Where seeds are added, numbers are for the last look alone, with the most seeds: the "
            "looks before it see somewhat more, and most settings need fewer."
        )
    like = f"trials of the same network and size on this model of processor in {stored.place}"
    time = f"Hours are for all trainings, finished ones too, and all their epochs, by {like}."
    if all(row.hours is None for row in rows):
        time = f"Hours are not known: there are no {like}."
    return PowerAnalysis(tuple(rows), (*unique([*sentences, *faults]), _rule(), time))


def _compared(steps: Iterable[StepResult]) -> list[Study]:
    """The studies whose settings are compared: several, on the same test images."""
    found = []
    for study in (step.study for step in steps):
        if study is not None and study.axes != ("data_seed",):
            arms = [arm.specs[0] for arm in study.arms if arm.specs]
            if len(arms) > 1 and len({test_part(spec.data) for spec in arms}) == 1:
                found.append(study)
    return found


def _seeds(step: Study) -> int:
    return min(len(arm.specs) for arm in step.arms if arm.specs)


def _row(
    step: str,
    settings: int,
    images: int,
    seeds: int | None,
    varies: formulas.Variation,
    seconds: float | None,
    level: float = LEVEL,
) -> PowerRow:
    """A comparison, with `seconds` for one training of each setting."""
    if seeds is None:
        return PowerRow(step, settings, images, None)
    seen = None
    if seeds > 1:
        design = formulas.Design(settings, seeds, images)
        seen = 100 * formulas.smallest_difference(varies, design, level)
    hours = None if seconds is None else seeds * seconds / 3600
    return PowerRow(step, settings, images, seeds, seen, settings * seeds, hours)


def _rule() -> str:
    return (
        "All settings are taken to vary alike; a difference is seen if the interval that holds for "
        "all pairs of settings at once excludes 0."
    )


def _check(
    option: str, value: Any, wanted: str, above: float, below: float, *, whole: bool = False
) -> None:
    if value is None:
        return
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not above < value < below:
        raise InvalidInput(f"--{option}: give {wanted}, got {value!r}")

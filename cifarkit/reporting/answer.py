"""What whole studies came to: the arm that each of their steps went on with, and its gain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING

from cifarkit.errors import InvalidInput
from cifarkit.reporting.arm_accuracy import interval, scored_runs
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.conclusions import Conclusions, comparable_arms
from cifarkit.reporting.repeated_trials import test_part
from cifarkit.reporting.study_view import StudyView
from cifarkit.text import plain

if TYPE_CHECKING:
    from cifarkit.evaluation.comparison import Comparison, Conclusion, Runs
    from cifarkit.evaluation.metrics import Interval


@dataclass(frozen=True)
class Step:
    """A step of a whole study, with the arm that it went on with.

    Attributes:
        before: The arm that the step before went on with; None for the first one.
        found: The comparison of the step's study, if there is one.
    """

    view: StudyView
    arm: ArmResult
    before: ArmResult | None = None
    found: Conclusion | None = None

    @property
    def name(self) -> str:
        return self.view.study.name_of(self.arm.arm.label)

    @cached_property
    def accuracy(self) -> float:
        """The mean over its trials, of which there is at least one."""
        return fmean(self.arm.values(lambda result: result.accuracy.test))

    @cached_property
    def interval(self) -> Interval | None:
        return interval(self.arm)

    @property
    def kept(self) -> bool:
        """Whether it is the very trials that the step before went on with."""
        return self.before is not None and self.before.arm.trials == self.arm.arm.trials

    @cached_property
    def change(self) -> Comparison | None:
        """Of the arm against the one before it, as the step's study compares them.

        None where there is none before it, or they cannot be compared: on other test images, or
        after a training that failed a check.
        """
        if self.before is None or self.kept:
            return None
        names = {arm.arm.trials: name for name, arm in self.view.named.items()}
        one, other = names[self.arm.arm.trials], names.get(self.before.arm.trials)
        if other is None:  # an arm of an earlier study alone
            return against(self.arm, self.before)
        for pair in self.found.comparisons if self.found else ():
            if (pair.arm, pair.reference) == (one, other):
                return pair
            if (pair.arm, pair.reference) == (other, one):
                return pair.reversed
        arms = comparable_arms(self.view)
        if self.view.study.max_seeds or not {one, other} <= arms.runs.keys():
            return None
        return _compared(arms.runs, arms.images, one, other)


def against(arm: ArmResult, other: ArmResult) -> Comparison | None:
    """Two arms alone; None if their test images differ or a training failed a check."""
    scored = {"arm": scored_runs(arm), "other": scored_runs(other)}
    if any(arm.findings) or any(other.findings):
        return None
    runs = {name: found.runs for name, found in scored.items()}
    return _compared(runs, {name: found.images for name, found in scored.items()}, *scored)


def _compared(
    runs: Mapping[str, Runs], images: Mapping[str, Hashable], arm: str, reference: str
) -> Comparison | None:
    from cifarkit.evaluation.comparison import compare

    try:
        found = compare(runs, images, reference=reference).comparisons
    except InvalidInput:
        return None
    return next((pair for pair in found if pair.arm == arm), None)


@dataclass(frozen=True)
class Whole:
    """A whole study: the steps that chose, in order, and a final training if it has one.

    Attributes:
        title: Distinguishes it from others in the document.
    """

    title: str
    steps: tuple[Step, ...]

    @property
    def final(self) -> Step:
        return self.steps[-1]

    @cached_property
    def change(self) -> Comparison | None:
        """Of the final arm against the first step's; None if they are one or cannot be compared."""
        first, last = self.steps[0].arm, self.final.arm
        return None if first.arm.trials == last.arm.trials else against(last, first)


def wholes(views: Sequence[StudyView], supported: Sequence[Conclusions]) -> list[Whole]:
    """The whole studies of which a step has chosen.

    Of a step that was run again, since an earlier one chose differently, the last run counts.

    Args:
        supported: The conclusions of each view.
    """
    comparisons = {view.name: one.found for view, one in zip(views, supported, strict=True)}
    by_whole: dict[tuple[str, str], dict[int, StudyView]] = {}
    for view in views:
        if view.study.step:
            key = view.study.part_of, view.study.whole_id
            by_whole.setdefault(key, {})[view.study.step] = view
    found = []
    for by_step in by_whole.values():
        steps: list[Step] = []
        for _, view in sorted(by_step.items()):
            if (arm := _gone_on_with(view)) is not None:
                before = steps[-1].arm if steps else None
                steps.append(Step(view, arm, before, comparisons[view.name]))
        if steps:
            found.append(Whole(plain(steps[0].view.study.whole_title), tuple(steps)))
    titles = Counter(whole.title for whole in found)
    return [
        replace(whole, title=f"{whole.title} ({whole.final.view.title})")
        if titles[whole.title] > 1
        else whole
        for whole in found
    ]


def most_accurate(views: Sequence[StudyView]) -> Step | None:
    """The arm with the highest validation accuracy, of studies that are all on the same images."""
    parts = {test_part(trial.spec.data) for view in views for _, trial in view.trials}
    arms = [(view, arm) for view in views for arm in view.results if arm.done]
    sound = [(view, arm) for view, arm in arms if not any(arm.findings)] or arms
    if len(parts) != 1 or not sound:
        return None
    view, arm = max(sound, key=lambda pair: fmean(pair[1].values(lambda r: r.accuracy.validation)))
    return Step(view, arm)


def _gone_on_with(view: StudyView) -> ArmResult | None:
    """The arm that was chosen, or the only one of a study without axes, if it has a result."""
    choice = view.study.choice
    if choice is None:
        arms = [] if view.axes else view.results
    else:
        arms = [arm for arm in view.results if arm.arm.label == choice.arm]
    return arms[0] if len(arms) == 1 and arms[0].done else None

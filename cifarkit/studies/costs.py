"""Costs by which a study file may prefer a cheaper arm, and when they can be compared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from cifarkit.store.records import Result, TrialRecord
from cifarkit.store.timing_checks import ENVIRONMENT_NAMES, environment_differences, overlapping
from cifarkit.text import listed

CostName = Literal["time", "parameters", "flops", "memory", "images_per_second"]

SAVING = 0.1
"""The least share by which a cost must be lower: a time that is repeated varies by some percent."""
_READ_SECONDS = 0.001
"""Of a cold cache, what it cost and what it would have cost differ by rounding alone."""


@dataclass(frozen=True)
class Cost:
    """A cost of an arm, the mean over its trials.

    Attributes:
        title: For a sentence.
        value: Of one trial, in `unit`.
        measured: Whether it depends on the machine and on what else ran there.
        more_is_cheaper: Whether it is a rate.
    """

    title: str
    unit: str
    value: Callable[[Result], float]
    measured: bool = False
    more_is_cheaper: bool = False

    def of(self, trials: Iterable[TrialRecord]) -> float:
        return fmean(self.value(trial.result) for trial in trials if trial.result is not None)

    def cheaper(self, one: float, other: float) -> bool:
        """Whether `one` is below `other` by a tenth or more; a rate, as time per image."""
        if self.more_is_cheaper:
            one, other = other, one
        return one <= (1 - SAVING) * other

    def against(self, one: float, other: float) -> str:
        """`13 s against 17 s`."""
        return f"{_number(one)} {self.unit} against {_number(other)} {self.unit}"


def _peak_gb(result: Result) -> float:
    memory = result.memory
    return (memory.device_peak_mb or memory.peak_rss_mb) / 1024


COSTS: dict[CostName, Cost] = {
    "time": Cost("training time", "s", lambda r: r.time.comparable_fit_seconds, measured=True),
    "parameters": Cost("parameters", "M parameters", lambda r: r.parameters.total / 1e6),
    "flops": Cost("FLOPs", "GFLOPs per image", lambda r: r.flops_per_image / 1e9),
    "memory": Cost("peak memory", "GB of peak memory", _peak_gb, measured=True),
    "images_per_second": Cost(
        "images per second",
        "images per second",
        lambda r: r.time.images_per_second,
        measured=True,
        more_is_cheaper=True,
    ),
}


def comparable(
    name: CostName,
    trials: Sequence[TrialRecord],
    study_trials: Iterable[TrialRecord],
    axes: Collection[str],
) -> tuple[Cost | None, str]:
    """The cost to compare these trials by, and why it is not the one that was asked for.

    FLOPs stand in for a measured cost that does not compare. There is no cost at all where the
    FLOPs of a network were not counted.

    Args:
        study_trials: All of the study: those that may have run side by side with one of `trials`.
        axes: What the study varies: precision, say, is then no difference of the environment.
    """
    cost, why = COSTS[name], ""
    if cost.measured and (why := _not_comparable(name, trials, study_trials, axes)):
        why = f"{cost.title} is not compared, since {why}"
        cost = COSTS["flops"]
    results = [trial.result for trial in trials if trial.result is not None]
    if not all(cost.value(result) > 0 for result in results):
        unknown = f"{cost.title} of some are not known"
        return None, f"{why}, and {unknown}" if why else unknown
    return cost, f"{why}: FLOPs stand in" if why else ""


def _not_comparable(
    name: CostName,
    trials: Sequence[TrialRecord],
    study_trials: Iterable[TrialRecord],
    axes: Collection[str],
) -> str:
    results = [trial.result for trial in trials if trial.result is not None]
    times = [result.time for result in results]
    if differing := environment_differences(trials, axes):
        names = listed(ENVIRONMENT_NAMES[field] for field in differing)
        return f"the trials ran in different environments ({names})"
    if overlapping(study_trials) & {trial.trial_id for trial in trials}:
        return "trials ran side by side"
    if any(time.may_not_compare for time in times):
        return "it is not known which trials read what frozen layers give from the cache"
    warm = {time.comparable_fit_seconds - time.fit_seconds > _READ_SECONDS for time in times}
    if len(warm) > 1:
        return "some trials read what frozen layers give from the cache, others computed it"
    if name == "images_per_second" and len({time.frozen_prefix_seconds > 0 for time in times}) > 1:
        return "frozen layers ran once per image in some trials, in every epoch in others"
    if name == "memory" and len({result.memory.device_peak_mb is None for result in results}) > 1:
        return "the accelerator's memory is not known of all trials"
    return ""


def _number(value: float) -> str:
    """Three significant digits, which tell numbers apart that differ by a tenth."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

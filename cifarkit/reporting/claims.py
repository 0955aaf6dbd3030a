"""What a study claims, as objects: each number with its trials and the method that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifarkit.reporting.conclusions import Conclusions
from cifarkit.reporting.study_view import StudyView

if TYPE_CHECKING:
    from cifarkit.evaluation.comparison import Comparison, Score

METHODS = {
    "accuracy of a model": (
        "The share of n test images that one trained model predicts right, with Wilson's score "
        "interval (Wilson 1927)."
    ),
    "accuracy of a setting": (
        "The mean of that share over the setting's seeds, with Student's t interval over other "
        "seeds and other images: the variances of seeds, images and both come from the two-way "
        "analysis of variance (Owen 2007). It is never narrower than the model's."
    ),
    "difference of models": (
        "(b - c) / n of two trained models on the same n images, where b images are right for the "
        "first alone and c for the second alone. The interval is the wider one, at each end, of "
        "the exact one of McNemar's test (Clopper & Pearson 1934) and of Wald's with half an "
        "image added to each cell (Agresti & Min 2005), at the level that Tukey's studentized "
        "range leaves for one of all pairs."
    ),
    "difference of settings": (
        "d ± q se / √2, for the difference d of two mean accuracies over other seeds and images: "
        "se from the variances of seeds, steadied by those of the other settings, and of images; "
        "q is Tukey's studentized range for all pairs at once (Games & Howell 1976)."
    ),
    "choice by validation": (
        "The highest accuracy on validation images, or what the study file declares instead; the "
        "reason says which."
    ),
}
"""Each method by its name; `docs/statistics.md` has formulas, sources and simulations."""


@dataclass(frozen=True)
class Claim:
    """One statement and what it follows from.

    Attributes:
        about: The arm, by the name that it has in sentences.
        quantity: `test accuracy`, `difference in test accuracy` (the arm's less the reference's)
            or `choice`.
        method: A key of `METHODS`.
        trials: Ids of the arm's trials that it was computed from.
        value, low, high: With its 95% interval, as fractions; None of a choice.
        reference: The arm that it is compared with; empty otherwise.
        reference_trials: Ids of its trials.
        verdict: Of a difference `better`, `worse`, `equal` (within the study's margin) or `not
            distinguishable`; of a choice its reason.
        images: How many test images; None of a choice.
    """

    about: str
    quantity: str
    method: str
    trials: tuple[str, ...]
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reference: str = ""
    reference_trials: tuple[str, ...] = ()
    verdict: str = ""
    images: int | None = None


def claims(view: StudyView, supported: Conclusions) -> list[Claim]:
    """The claims behind the sentences of a study's conclusions, and its choice."""
    made = []
    if (found := supported.found) is not None:
        made += [_accuracy(score, supported) for score in found.scores]
        made += [_difference(one, view, supported) for one in found.comparisons]
    if (choice := view.study.choice) is not None:
        chosen = [arm for arm in view.study.arms if arm.label == choice.arm]
        ids = tuple(trial for arm in chosen for trial in arm.trials)
        name = view.study.name_of(choice.arm)
        made.append(Claim(name, "choice", "choice by validation", ids, verdict=choice.reason))
    return made


def _accuracy(score: Score, supported: Conclusions) -> Claim:
    return Claim(
        about=score.arm,
        quantity="test accuracy",
        method=f"accuracy of a {score.of}",
        trials=_first(supported.trials[score.arm], score.runs),
        value=score.accuracy,
        low=score.low,
        high=score.high,
        images=score.images,
    )


def _difference(one: Comparison, view: StudyView, supported: Conclusions) -> Claim:
    assert supported.found is not None
    scores = {score.arm: score for score in supported.found.scores}
    pair = one.arm, one.reference
    if one.of == "setting":
        trials = [_first(supported.trials[arm], scores[arm].runs) for arm in pair]
    else:  # as `evaluation.comparison.compare` does: the lowest seed that both have
        seeds = [supported.trials[arm] for arm in pair]
        shared = seeds[0].keys() & seeds[1].keys()
        trials = [(by_seed[min(shared or by_seed)],) for by_seed in seeds]
    equal = one.verdict == "not distinguishable" and one.equal_within(view.study.equivalence)
    return Claim(
        about=one.arm,
        quantity="difference in test accuracy",
        method=f"difference of {one.of}s",
        trials=trials[0],
        value=one.difference,
        low=one.low,
        high=one.high,
        reference=one.reference,
        reference_trials=trials[1],
        verdict="equal" if equal else one.verdict,
        images=scores[one.arm].images,
    )


def _first(by_seed: Mapping[int, str], count: int) -> tuple[str, ...]:
    """Of the lowest seeds: those that the looks taken so far have seen."""
    return tuple(by_seed[seed] for seed in sorted(by_seed)[:count])


def methods_used(made: Iterable[Claim]) -> dict[str, str]:
    """The methods of some claims, in the order of `METHODS`."""
    used = {claim.method for claim in made}
    return {name: text for name, text in METHODS.items() if name in used}

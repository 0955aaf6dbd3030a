"""Comparison of a study's arms: which differences the images and seeds support."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from math import comb, inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.mcnemar import discordant, paired_interval
from cifarkit.evaluation.metrics import Interval, wilson_interval
from cifarkit.evaluation.standard_errors import (
    Estimate,
    SeedVariance,
    SettingRuns,
    difference,
    moderated,
)
from cifarkit.evaluation.studentized_range import critical_value

LEVEL = 0.05
"""The accepted chance that any statement on a difference in a conclusion is false."""

EQUIVALENCE = 0.01
"""Accuracy: differences that are smaller for certain are called equal, unless a study says else."""

Runs = Mapping[int, NDArray[np.bool_]]
"""An arm's finished runs: by seed, (n,) bool, whether each image was predicted right."""

Verdict = Literal["better", "worse", "not distinguishable"]
Subject = Literal["model", "setting"]


@dataclass(frozen=True)
class Score:
    """The accuracy of one arm.

    Attributes:
        accuracy: The mean over its runs, 0..1.
        low, high: Its 95% interval, by itself: see `accuracy_interval`.
        runs: How many seeds.
        images: How many images each run was scored on.
    """

    arm: str
    accuracy: float
    low: float
    high: float
    runs: int
    images: int

    @property
    def of(self) -> Subject:
        """What the interval is of: with one run it leaves out what another seed would change."""
        return "setting" if self.runs > 1 else "model"


@dataclass(frozen=True)
class Comparison:
    """One arm against the reference.

    Attributes:
        difference: Accuracy of the arm less the reference's, -1..1.
        low, high: Its 95% interval, simultaneous over all pairs of arms and all looks.
        of: `setting`, where both have several runs; else `model`, of one model each.
        runs: The fewer runs of the two.
    """

    arm: str
    reference: str
    difference: float
    low: float
    high: float
    of: Subject
    runs: int

    @property
    def verdict(self) -> Verdict:
        """Of the arm: what the interval says."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "not distinguishable"

    @property
    def reversed(self) -> Comparison:
        """The reference against the arm."""
        return replace(
            self,
            arm=self.reference,
            reference=self.arm,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
        )

    def equal_within(self, margin: float) -> bool:
        """Whether the difference is smaller than `margin`, by the interval.

        Source: Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power
        approach for assessing the equivalence of average bioavailability", Journal of
        Pharmacokinetics and Biopharmaceutics 15, 657-680.
        """
        return -margin < self.low and self.high < margin


@dataclass(frozen=True)
class Conclusion:
    """The result of comparing all arms; `wording.sentences` puts it into English.

    Attributes:
        scores: The arms with runs, in the order given.
        reference: The arm that scored highest, the first of several that share it; None if no arm
            had a run, or they were scored on different images.
        comparisons: With the reference, in the order of the arms.
        missing: Arms without a run.
        same_images: False if arms were scored on different images; nothing is compared then.
        looks: How many looks the intervals hold for at once (see `sequential`).
        dropped: Arms that an earlier look showed to be worse than its leader. Their scores and
            comparisons are those of that look.
    """

    scores: tuple[Score, ...]
    reference: str | None
    comparisons: tuple[Comparison, ...] = ()
    missing: tuple[str, ...] = ()
    same_images: bool = True
    looks: int = 1
    dropped: tuple[str, ...] = ()

    @property
    def family(self) -> int:
        """Of how many pairs of arms the intervals hold at once."""
        return comb(len(self.scores), 2) if self.comparisons else 0

    @property
    def of_models(self) -> bool:
        """Whether nothing can be said about settings: some arm has a single run."""
        return any(found.of == "model" for found in self.comparisons)

    @property
    def best(self) -> str | None:
        """The setting that is distinguishably better than every other one, where there is one."""
        clear = all(one.verdict == "worse" for one in self.comparisons)
        return self.reference if self.comparisons and clear and not self.of_models else None


def compare(
    arms: Mapping[str, Runs],
    image_sets: Mapping[str, Hashable] | None = None,
    level: float = LEVEL,
    reference: str | None = None,
) -> Conclusion:
    """Compare every arm with the one that scored highest.

    The intervals hold at once for all k(k-1)/2 pairs of arms: the chance that any of them misses
    its true difference is at most `level`, so that the data may pick which pairs are reported.

    Arms with several runs each are compared as settings, over other seeds and other images:
    Tukey's studentized range with separate seed variances (`variance.difference`). It is the test
    of Games & Howell 1976, "Pairwise multiple comparison procedures with unequal n's and/or
    variances", Journal of Educational Statistics 1, 113-125, with the images' part and with
    steadied variances. `benchmarks/comparison_rules.py` simulates it beside other rules.

    Where either arm has a single run, one trained model each is compared (`mcnemar`), of the
    lowest seed that both have, at the level that Tukey's range leaves for one pair.

    Args:
        arms: By label, the runs by seed; no runs for an arm that failed.
        image_sets: By label, what tells one set of images from another (the names of the classes,
            say). Arms with different ones, or different numbers of images, are not compared. Left
            out, arms with equal numbers of images are taken to share them, in the same order.
        level: Within 0..1.
        reference: An arm with runs to compare with instead of the one that scored highest.

    Raises:
        InvalidInput: A run is not (n,) bool with n > 0, the runs of one arm differ in length, or an
            arm with runs is not among `image_sets`.
    """
    finished = {arm: runs for arm, runs in arms.items() if runs}
    missing = tuple(arm for arm in arms if arm not in finished)
    images = {arm: _images(arm, runs) for arm, runs in finished.items()}
    settings = {
        arm: SettingRuns([runs[seed] for seed in sorted(runs)])
        for arm, runs in finished.items()
        if len(runs) > 1
    }
    scores = tuple(
        _score(arm, runs, images[arm], settings.get(arm)) for arm, runs in finished.items()
    )
    if len({(count, _image_set(arm, image_sets)) for arm, count in images.items()}) > 1:
        return Conclusion(scores, None, missing=missing, same_images=False)
    if not scores:
        return Conclusion((), None, missing=missing)
    reference = reference or max(scores, key=lambda score: score.accuracy).arm
    seeds = moderated(settings)
    comparisons = tuple(
        _as_settings(arm, reference, settings, seeds, len(scores), level)
        if {arm, reference} <= settings.keys()
        else _as_models(arm, reference, finished, len(scores), level)
        for arm in finished
        if arm != reference
    )
    return Conclusion(scores, reference, comparisons, missing)


def accuracy_interval(runs: Runs) -> Interval:
    """The 95% interval of an arm's accuracy.

    With one run it is the model's, over other images (Wilson). With several it is the setting's,
    over other seeds as well: Student's t with the variances of `standard_errors.SettingRuns`, and
    never narrower than the model's.
    """
    images = _images("the runs", runs)
    return _interval(runs, images, SettingRuns(list(runs.values())) if len(runs) > 1 else None)


def _interval(runs: Runs, images: int, setting: SettingRuns | None) -> Interval:
    hits = sum(int(np.count_nonzero(run)) for run in runs.values())
    model = wilson_interval(hits / len(runs), images)
    if setting is None:
        return model
    low, high = _ends(setting.estimate, critical_value(2, setting.estimate.df))
    return Interval(max(0.0, min(low, model.low)), min(1.0, max(high, model.high)))


def _images(arm: str, runs: Runs) -> int:
    lengths = set()
    for seed, run in runs.items():
        if (
            not isinstance(run, np.ndarray)
            or run.dtype != np.bool_
            or run.ndim != 1
            or not run.size
        ):
            received = (
                f"{run.dtype} {run.shape}" if isinstance(run, np.ndarray) else type(run).__name__
            )
            raise InvalidInput(f"{arm}, seed {seed}: expected (n,) bool, n > 0, got {received}")
        lengths.add(run.size)
    if len(lengths) > 1:
        raise InvalidInput(f"{arm}: its runs were scored on {sorted(lengths)} images")
    return lengths.pop()


def _score(arm: str, runs: Runs, images: int, setting: SettingRuns | None) -> Score:
    # From integer counts, so that arms with equal counts tie instead of differing by rounding.
    hits = sum(int(np.count_nonzero(run)) for run in runs.values())
    interval = _interval(runs, images, setting)
    return Score(arm, hits / (len(runs) * images), interval.low, interval.high, len(runs), images)


def _image_set(arm: str, image_sets: Mapping[str, Hashable] | None) -> Hashable:
    if image_sets is None:
        return None
    if arm not in image_sets:
        raise InvalidInput(f"image_sets has no entry for {arm!r}")
    return image_sets[arm]


def _ends(estimate: Estimate, critical: float) -> tuple[float, float]:
    half = critical * estimate.standard_error
    return estimate.value - half, estimate.value + half


def _as_settings(
    arm: str,
    reference: str,
    settings: Mapping[str, SettingRuns],
    seeds: Mapping[str, SeedVariance],
    arms: int,
    level: float,
) -> Comparison:
    one, other = settings[arm], settings[reference]
    estimate = difference(one, other, (seeds[arm], seeds[reference]))
    low, high = _ends(estimate, critical_value(arms, estimate.df, level))
    runs = min(one.runs, other.runs)
    ends = max(-1.0, low), min(1.0, high)
    return Comparison(arm, reference, estimate.value, *ends, "setting", runs)


def _as_models(
    arm: str, reference: str, runs: Mapping[str, Runs], arms: int, level: float
) -> Comparison:
    shared = runs[arm].keys() & runs[reference].keys()
    one, other = (runs[a][min(shared or runs[a].keys())] for a in (arm, reference))
    only_one, only_other = discordant(one, other)
    interval = paired_interval(only_one, only_other, one.size, _one_pair_level(arms, level))
    found = (only_one - only_other) / one.size
    return Comparison(arm, reference, found, interval.low, interval.high, "model", 1)


def _one_pair_level(arms: int, level: float) -> float:
    """The level at which one of all pairs is tested, so that `level` holds for all of them."""
    from scipy.special import ndtr

    return float(2 * ndtr(-critical_value(arms, inf, level)))

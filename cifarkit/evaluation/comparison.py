"""Comparison of a study's arms: which differences the images and seeds support."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cifarkit.errors import InvalidInput, unknown
from cifarkit.evaluation.mcnemar import discordant, mcnemar_p, paired_interval
from cifarkit.evaluation.metrics import Interval, wilson_interval
from cifarkit.evaluation.multiple_testing import holm
from cifarkit.evaluation.paired_tests import crossed_intervals, seeds_needed, seeds_p

LEVEL = 0.05
"""The accepted chance that any "better" or "worse" in a conclusion is false."""

Runs = Mapping[int, NDArray[np.bool_]]
"""An arm's finished runs: by seed, (n,) bool, whether each image was predicted right."""

Verdict = Literal["better", "worse", "not distinguishable"]
Method = Literal["models", "settings"]


@dataclass(frozen=True)
class Score:
    """The score of one arm.

    Attributes:
        accuracy: The mean over its runs, 0..1.
        low, high: Wilson's 95% interval for that many images, conditional on the runs.
        runs: How many seeds.
        images: How many images each run was scored on.
    """

    arm: str
    accuracy: float
    low: float
    high: float
    runs: int
    images: int


@dataclass(frozen=True)
class Comparison:
    """One arm against the reference.

    Attributes:
        difference: The arm's accuracy less the reference's, -1..1, over the seeds of both.
        low, high: Its 95% interval, not adjusted for the number of comparisons.
        p: Two-sided.
        adjusted_p: By Holm's method, over the conclusion's whole family.
        verdict: Of the arm: `better` or `worse` if the interval excludes 0 and `adjusted_p` < 0.05.
        method: `models`, one run each: McNemar's exact test, of these two trained models and not of
            their settings. `settings`, several seeds each: see `paired_tests.seeds_p`.
        runs: The seeds that both have.
    """

    arm: str
    reference: str
    difference: float
    low: float
    high: float
    p: float
    adjusted_p: float
    verdict: Verdict
    method: Method
    runs: int


@dataclass(frozen=True)
class Conclusion:
    """The result of comparing all arms; `wording.sentences` puts it into English.

    Attributes:
        scores: The arms with runs, in the order given.
        reference: What the others were compared with; None if no arm had a run, or no comparison
            is defined.
        chosen: True if the reference is the arm that scored highest here, False if it was given.
        comparisons: In the order of the arms.
        family: The number of comparisons that Holm's method adjusts for.
        missing: Arms without a run.
        uncompared: Arms that have no seed in common with the reference.
        same_images: False if arms were scored on different images; nothing is compared then.
        seeds_needed: The fewest seeds with which so many comparisons could show a difference at
            all; None if there are enough.
    """

    scores: tuple[Score, ...]
    reference: str | None
    chosen: bool
    comparisons: tuple[Comparison, ...] = ()
    family: int = 0
    missing: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()
    same_images: bool = True
    seeds_needed: int | None = None

    @property
    def best(self) -> str | None:
        """The arm that is distinguishably better than every other one, where there is one."""
        others_worse = all(found.verdict == "worse" for found in self.comparisons)
        return self.reference if self.comparisons and others_worse and not self.uncompared else None


def compare(
    arms: Mapping[str, Runs],
    reference: str | None = None,
    image_sets: Mapping[str, Hashable] | None = None,
) -> Conclusion:
    """Compare every arm with the reference, or with the one that scored highest.

    With a reference that was fixed beforehand, Holm's family is the k - 1 comparisons with it.

    Without one, the arm with the highest mean accuracy becomes the reference (the first of several
    that share it). It was then chosen for having done well on these very images, and k - 1 tests
    against the rest would call it better far too often. So the family is all k(k-1)/2 pairs of
    arms, of which those with the reference are reported: Holm's method bounds the chance of any
    false statement in the whole family, so whichever part of it the data picks is safe. A winner's
    margin is still flattered by the choice; that is a bias of the difference, not of the verdict.

    Two arms are compared over the seeds that both have: with one, as two trained models
    (`mcnemar`); with several, as two settings (`seeds`).

    Args:
        arms: By label, the runs by seed; no runs for an arm that failed. The same seed means the
            same split and initialization in every arm.
        reference: The label of an arm.
        image_sets: By label, what tells one set of images from another (the names of the classes,
            say). Arms with different ones, or different numbers of images, are not compared. Left
            out, arms with equal numbers of images are taken to share them, in the same order.

    Raises:
        InvalidInput: A run is not (n,) bool with n > 0, the runs of one arm differ in length, the
            reference is not an arm, or an arm with runs is not among `image_sets`.
    """
    if reference is not None and reference not in arms:
        raise unknown("reference", reference, arms)
    scores = tuple(_score(arm, runs) for arm, runs in arms.items() if runs)
    missing = tuple(arm for arm, runs in arms.items() if not runs)
    chosen = reference is None
    if len({(score.images, _image_set(score.arm, image_sets)) for score in scores}) > 1:
        return Conclusion(scores, None, chosen, missing=missing, same_images=False)
    finished = [score.arm for score in scores]
    if reference is None and scores:
        reference = max(scores, key=lambda score: score.accuracy).arm
    if reference is None or reference in missing:
        return Conclusion(scores, reference, chosen, missing=missing)

    others = [arm for arm in finished if arm != reference]
    against_reference = [(arm, reference) for arm in others]
    candidates = list(combinations(finished, 2)) if chosen else against_reference
    shared = {pair: sorted(arms[pair[0]].keys() & arms[pair[1]].keys()) for pair in candidates}
    family = {pair: _p(arms, pair, seeds) for pair, seeds in shared.items() if seeds}
    adjusted = dict(zip(family, holm(list(family.values())), strict=True))

    reported = {arm: pair for pair in family for arm in others if {arm, reference} == {*pair}}
    intervals = _intervals(arms, reference, {arm: shared[pair] for arm, pair in reported.items()})
    comparisons = tuple(
        _comparison(
            arms, arm, reference, shared[pair], intervals[arm], family[pair], adjusted[pair]
        )
        for arm in others
        if (pair := reported.get(arm)) is not None
    )
    needed = seeds_needed(len(family), LEVEL) if family else 0
    too_few = all(1 < len(shared[pair]) < needed for pair in family)
    return Conclusion(
        scores=scores,
        reference=reference,
        chosen=chosen,
        comparisons=comparisons,
        family=len(family),
        missing=missing,
        uncompared=tuple(arm for arm in others if arm not in reported),
        seeds_needed=needed if comparisons and too_few else None,
    )


def indistinguishable_from_best(conclusion: Conclusion) -> frozenset[str]:
    """The arm that scored highest and those not shown to be worse, to choose the cheapest from.

    An arm that could not be compared with it has not been shown to be worse. Empty if no arm has a
    run.

    Raises:
        InvalidInput: The reference was fixed beforehand, or the arms were scored on different
            images, so that none of them is known to be the best.
    """
    if not conclusion.same_images:
        raise InvalidInput("the arms were scored on different images: none is known to be the best")
    if not conclusion.chosen:
        raise InvalidInput(
            f"the arms were compared with {conclusion.reference!r}, not with the one that scored "
            "highest: compare them without a reference"
        )
    worse = {found.arm for found in conclusion.comparisons if found.verdict == "worse"}
    return frozenset(score.arm for score in conclusion.scores) - worse


def _score(arm: str, runs: Runs) -> Score:
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
    images = lengths.pop()
    # From integer counts, so that arms with equal counts tie instead of differing by rounding.
    hits = sum(int(np.count_nonzero(run)) for run in runs.values())
    interval = wilson_interval(hits / len(runs), images)
    return Score(arm, hits / (len(runs) * images), interval.low, interval.high, len(runs), images)


def _image_set(arm: str, image_sets: Mapping[str, Hashable] | None) -> Hashable:
    if image_sets is None:
        return None
    if arm not in image_sets:
        raise InvalidInput(f"image_sets has no entry for {arm!r}")
    return image_sets[arm]


def _differences(
    arms: Mapping[str, Runs], first: str, second: str, seeds: list[int]
) -> NDArray[np.int8]:
    """(seeds, images): see `seeds`."""
    one, other = (np.array([arms[arm][seed] for seed in seeds]) for arm in (first, second))
    return one.view(np.int8) - other.view(np.int8)


def _p(arms: Mapping[str, Runs], pair: tuple[str, str], seeds: list[int]) -> float:
    first, second = pair
    if len(seeds) == 1:
        return mcnemar_p(*discordant(arms[first][seeds[0]], arms[second][seeds[0]]))
    return seeds_p(_differences(arms, first, second, seeds))


def _intervals(
    arms: Mapping[str, Runs], reference: str, shared: Mapping[str, list[int]]
) -> dict[str, Interval]:
    """Intervals of each arm's difference from the reference, from one pass of resampling."""
    intervals = {}
    for arm, seeds in shared.items():
        if len(seeds) == 1:
            run, other = arms[arm][seeds[0]], arms[reference][seeds[0]]
            intervals[arm] = paired_interval(*discordant(run, other), run.size)
    several = {arm: seeds for arm, seeds in shared.items() if len(seeds) > 1}
    pairs = [_differences(arms, arm, reference, seeds) for arm, seeds in several.items()]
    return intervals | dict(zip(several, crossed_intervals(pairs), strict=True))


def _comparison(
    arms: Mapping[str, Runs],
    arm: str,
    reference: str,
    seeds: list[int],
    interval: Interval,
    p: float,
    adjusted_p: float,
) -> Comparison:
    difference = float(_differences(arms, arm, reference, seeds).mean())
    verdict: Verdict = "not distinguishable"
    if interval.excludes_zero and adjusted_p < LEVEL:
        verdict = "better" if difference > 0 else "worse"
    return Comparison(
        arm=arm,
        reference=reference,
        difference=difference,
        low=interval.low,
        high=interval.high,
        p=p,
        adjusted_p=adjusted_p,
        verdict=verdict,
        method="models" if len(seeds) == 1 else "settings",
        runs=len(seeds),
    )

"""Where the variance of one run's accuracy comes from: the split, the seed, the test images.

Each is a random factor of an analysis of variance with one observation per cell: whether a run of
that split and seed was right on that image. `docs/statistics.md` has the formulas.

Source: Searle, Casella & McCulloch 1992, "Variance Components", chapter 4 (estimates from mean
squares of balanced data); Bouthillier et al. 2021, "Accounting for variance in machine learning
benchmarks", MLSys, for the sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod, sqrt
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Design = Literal["crossed", "together", "seeds", "splits"]
Source = Literal["split", "seed", "split and seed", "images"]
Runs = Mapping[tuple[int, int], NDArray[np.bool_]]
"""By (data seed, seed), (n,) bool: whether each test image was predicted right."""


@dataclass(frozen=True)
class Sources:
    """The variance of one run's accuracy by its sources.

    Attributes:
        design: `crossed`: every seed with every split. `together`: both vary, but not so; their
            parts cannot be told apart and are one, `split and seed`. `seeds`: one split. `splits`:
            one seed.
        variances: Unbiased estimates, of accuracy squared; one may be below 0. `split and seed` of
            a crossed design is their interaction. `images` is what other test images would change.
        splits, seeds: How many there are.
        runs: How many there are, over all settings.
        images: How many each run was scored on.
    """

    design: Design
    variances: Mapping[Source, float]
    splits: int
    seeds: int
    runs: int
    images: int

    @property
    def standard_deviation(self) -> float:
        """Of one run's accuracy, 0..1; estimates below 0 count as 0."""
        return sqrt(sum(max(0.0, variance) for variance in self.variances.values()))

    @property
    def shares(self) -> dict[Source, float]:
        """Of the variance, 0..1, in sum 1; empty if there is none."""
        total = self.standard_deviation**2
        return {name: max(0.0, v) / total for name, v in self.variances.items() if total}


def sources(runs: Runs) -> Sources | None:
    """The sources of variance of one setting's runs, on the same images; None of fewer than 2."""
    splits, seeds = (sorted(set(numbers)) for numbers in zip(*runs, strict=True))
    if len(runs) < 2:
        return None
    images = next(iter(runs.values())).size
    counts = len(splits), len(seeds), len(runs), images
    if len(splits) > 1 and len(seeds) > 1 and len(runs) == len(splits) * len(seeds):
        table = np.array([[runs[split, seed] for seed in seeds] for split in splits])
        split, seed, both, by_image = _components(table)
        found: dict[Source, float] = {"split": split, "seed": seed, "split and seed": both}
        return Sources("crossed", found | {"images": by_image}, *counts)
    run, by_image = _components(np.array([runs[key] for key in sorted(runs)]))
    if len(splits) == 1:
        return Sources("seeds", {"seed": run, "images": by_image}, *counts)
    if len(seeds) == 1:
        return Sources("splits", {"split": run, "images": by_image}, *counts)
    return Sources("together", {"split and seed": run, "images": by_image}, *counts)


def pooled(settings: Sequence[Sources]) -> Sources:
    """The mean over settings of one design, with as many splits, seeds and images each."""
    first = settings[0]
    variances: dict[Source, float] = {
        source: fmean(one.variances[source] for one in settings) for source in first.variances
    }
    runs = sum(one.runs for one in settings)
    return Sources(first.design, variances, first.splits, first.seeds, runs, first.images)


def _components(table: NDArray[np.bool_]) -> list[float]:
    """The variances of a run's accuracy: of each factor and their interactions, then of the images.

    Args:
        table: (levels of each factor, images).
    """
    values = table.astype(np.float64)
    last = values.ndim - 1
    subsets = [
        subset
        for size in range(values.ndim + 1)
        for subset in combinations(range(values.ndim), size)
    ]
    effects: dict[tuple[int, ...], NDArray[np.float64]] = {}
    squares: dict[tuple[int, ...], float] = {}
    for subset in subsets:
        others = tuple(axis for axis in range(values.ndim) if axis not in subset)
        within = [effect for inner, effect in effects.items() if set(inner) < set(subset)]
        effects[subset] = values.mean(axis=others, keepdims=True) - sum(within)
        freedom = prod(values.shape[axis] - 1 for axis in subset)
        repeats = prod(values.shape[axis] for axis in others)
        squares[subset] = repeats * float((effects[subset] ** 2).sum()) / max(freedom, 1)
    variances = {}
    for subset in subsets[1:]:
        above = [other for other in subsets if set(other) >= set(subset)]
        signed = sum((-1) ** (len(other) - len(subset)) * squares[other] for other in above)
        repeats = prod(n for axis, n in enumerate(values.shape) if axis not in subset)
        variances[subset] = signed / repeats
    of_runs = [variance for subset, variance in variances.items() if last not in subset]
    of_images = sum(variance for subset, variance in variances.items() if last in subset)
    return [*of_runs, of_images / values.shape[last]]

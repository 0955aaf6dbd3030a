"""Standard errors of a setting's accuracy, over other seeds and other images.

A run is right on an image or not: y[seed, image]. Seeds and images are both samples, so that the
variance of a mean accuracy has a part for seeds, one for images, and one for their interaction
(what a run does on an image by chance). `docs/statistics.md` has the formulas.

Source: Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 386-411, for crossed
seeds and images; the parts are those of the two-way analysis of variance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray

BORROWED_DF = 2
"""How much the other settings' seed variances count, as degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and the degrees of freedom of that."""

    value: float
    standard_error: float
    df: float


@dataclass(frozen=True)
class SeedVariance:
    """What the seed changes in a run's accuracy: a variance and its degrees of freedom."""

    variance: float
    df: float


class SettingRuns:
    """One setting's runs on the same images.

    Attributes:
        accuracy: The mean over the runs, 0..1.
        by_image: (n,), the share of the runs that are right on each image.
        noise: The variance of a run's accuracy that the interaction of seeds and images makes:
            what remains where the seed has no effect of its own.
        seeds: The variance of a run's accuracy over seeds, on these images; never below `noise`.
    """

    def __init__(self, runs: Sequence[NDArray[np.bool_]]) -> None:
        """At least 2 runs of (n,) bool."""
        table = np.array(runs)
        count, images = table.shape
        hits, right = table.sum(axis=1), table.sum(axis=0)
        self.runs, self.images = count, images
        self.accuracy = float(hits.sum() / table.size)
        self.by_image: NDArray[np.float64] = right / count
        over_seeds = float(np.var(hits / images, ddof=1))
        within_images = float((right * (count - right)).sum() / count)
        interaction = within_images - images * (count - 1) * over_seeds
        self.noise = max(0.0, interaction) / ((count - 1) * max(images - 1, 1) * images)
        self.seeds = SeedVariance(max(over_seeds, self.noise), count - 1)

    @cached_property
    def estimate(self) -> Estimate:
        """The accuracy, over other seeds and other images."""
        image = _image_part(self.by_image, self.noise / self.runs)
        return _combined(self.accuracy, [(self.seeds, self.runs)], image, self.images)


def moderated(settings: Mapping[str, SettingRuns]) -> dict[str, SeedVariance]:
    """Each setting's seed variance, steadied by those of the others.

    A variance of three runs is often far too small by chance, and one pooled over all settings is
    wrong where one of them varies more than the rest. So each is averaged with the others' pooled
    variance, which counts like 2 degrees of freedom (fewer with 3 settings; nothing is borrowed
    with 2, nor more than its own), and is never taken for less than its own.

    Source: Smyth 2004, "Linear models and empirical Bayes methods for assessing differential
    expression in microarray experiments", Statistical Applications in Genetics and Molecular
    Biology 3, article 3; here with a fixed prior weight and upwards only.
    """
    steadied = {}
    for name, one in settings.items():
        own = one.seeds
        others = [other.seeds for label, other in settings.items() if label != name]
        borrowed = min(BORROWED_DF, len(others) - 1, own.df)
        steadied[name] = own
        if borrowed > 0:
            pooled = sum(o.df * o.variance for o in others) / sum(o.df for o in others)
            mixed = (borrowed * pooled + own.df * own.variance) / (borrowed + own.df)
            if mixed > own.variance:
                steadied[name] = SeedVariance(mixed, own.df + borrowed)
    return steadied


def difference(
    one: SettingRuns, other: SettingRuns, seeds: tuple[SeedVariance, SeedVariance]
) -> Estimate:
    """The accuracy of one setting less another's, over other seeds and other images.

    Seeds are not paired: the same seed in two settings has no more in common than two seeds.
    Images are: both settings are scored on the same ones.
    """
    noise = one.noise / one.runs + other.noise / other.runs
    image = _image_part(one.by_image - other.by_image, noise)
    parts = [(seeds[0], one.runs), (seeds[1], other.runs)]
    return _combined(one.accuracy - other.accuracy, parts, image, one.images)


def _image_part(by_image: NDArray[np.float64], noise: float) -> float:
    """The variance of a mean over images that more seeds would not reduce.

    Half an image is added on either side, as Agresti & Min 2005 do (see `mcnemar`): it matters for
    a handful of images alone, which might show no variance at all.
    """
    images = by_image.size
    between = float(by_image.var(ddof=1)) / images if images > 1 else 0.0
    return max(0.0, between - noise) + 1 / images**2


def _combined(
    value: float, parts: Sequence[tuple[SeedVariance, int]], image: float, images: int
) -> Estimate:
    """The sum of the parts, with Satterthwaite's degrees of freedom.

    Source: Satterthwaite 1946, "An approximate distribution of estimates of variance components",
    Biometrics Bulletin 2, 110-114.
    """
    terms = [(seeds.variance / runs, seeds.df) for seeds, runs in parts]
    terms.append((image, max(images - 1, 1)))
    total = sum(variance for variance, _ in terms)
    df = total**2 / sum(variance**2 / df for variance, df in terms)
    return Estimate(value, sqrt(total), df)

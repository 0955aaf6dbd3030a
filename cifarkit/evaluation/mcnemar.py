"""Two trained models compared on the same images."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cifarkit.evaluation.metrics import Interval


def discordant(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int]:
    """How many images only the first model got right, and how many only the second.

    Args:
        first: (n,) bool, whether the first model predicted each image right.
        second: (n,) bool, the same of the second model.
    """
    return int(np.count_nonzero(first & ~second)), int(np.count_nonzero(~first & second))


def paired_interval(
    only_first: int, only_second: int, images: int, level: float = 0.05
) -> Interval:
    """An interval of (accuracy of the first) - (accuracy of the second), each model fixed.

    It excludes 0 only if McNemar's exact test rejects at `level`. It is the wider one, at each end,
    of two: the exact interval of the share of the discordant images that the first got right
    (Clopper-Pearson), which is that test turned round; and Wald's after half an image is added to
    each of the four cells, since the number of discordant images is a sample too.

    Sources: McNemar 1947, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12, 153-157; Clopper & Pearson 1934, "The use of
    confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26, 404-413;
    Agresti & Min 2005, "Simple improved confidence intervals for comparing matched proportions",
    Statistics in Medicine 24, 729-740.

    Args:
        only_first: Images that only the first model got right.
        only_second: Images that only the second model got right.
        images: All images, at least 1.
        level: The accepted chance that it misses the true difference, within 0..1.
    """
    from scipy.special import betaincinv

    total = images + 2
    centre = (only_first - only_second) / total
    z = NormalDist().inv_cdf(1 - level / 2)
    half = z * sqrt((only_first + only_second + 1) / total - centre**2) / sqrt(total)
    share_low, share_high = 0.0, 1.0
    if only_first:
        share_low = float(betaincinv(only_first, only_second + 1, level / 2))
    if only_second:
        share_high = float(betaincinv(only_first + 1, only_second, 1 - level / 2))
    differing = (only_first + only_second) / images
    return Interval(
        max(-1.0, min(centre - half, differing * (2 * share_low - 1))),
        min(1.0, max(centre + half, differing * (2 * share_high - 1))),
    )

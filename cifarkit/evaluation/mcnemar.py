"""McNemar's test: two trained models compared on the same images."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cifarkit.evaluation.metrics import Z95, Interval


def discordant(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int]:
    """How many images only the first model got right, and how many only the second.

    Args:
        first: (n,) bool, whether the first model predicted each image right.
        second: (n,) bool, the same of the second model.
    """
    return int(np.count_nonzero(first & ~second)), int(np.count_nonzero(~first & second))


def mcnemar_p(only_first: int, only_second: int) -> float:
    """The exact two-sided p, 0..1, that two models have the same accuracy on such images.

    If they have, an image that only one of them gets right is a fair coin. Without any such image
    p is 1. It says nothing about other models trained with the same settings.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12, 153-157, with the binomial distribution in
    place of the normal one.
    """
    if only_first + only_second == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def paired_interval(only_first: int, only_second: int, images: int) -> Interval:
    """The 95% interval of (accuracy of the first) - (accuracy of the second), each model fixed.

    Wald's interval after half an image is added to each of the four cells (both right, one right,
    the other right, both wrong), which gives it sound coverage.

    Source: Agresti & Min 2005, "Simple improved confidence intervals for comparing matched
    proportions", Statistics in Medicine 24, 729-740.

    Args:
        only_first: Images that only the first model got right.
        only_second: Images that only the second model got right.
        images: All images, at least 1.
    """
    total = images + 2
    centre = (only_first - only_second) / total
    half = Z95 * sqrt((only_first + only_second + 1) / total - centre**2) / sqrt(total)
    return Interval(max(-1.0, centre - half), min(1.0, centre + half))

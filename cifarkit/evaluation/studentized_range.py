"""Critical values for comparing all pairs of k means at once."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

_MOST = 1000.0
"""Standard errors: the largest critical value looked for; only fewer than 2 df come near."""


@lru_cache(maxsize=4096)
def critical_value(arms: int, df: float, level: float = 0.05) -> float:
    """How many standard errors two of `arms` means must lie apart to differ (Tukey).

    If all `arms` true means are equal, any two of the observed ones lie further apart with a
    probability of `level`. With two arms it is the t quantile. SciPy's `studentized_range.isf`
    over the square root of 2, to 4 digits and a hundred times as fast.

    Source: Tukey 1953, "The problem of multiple comparisons"; Copenhaver & Holland 1988,
    "Computation of the distribution of the maximum studentized range statistic", Journal of
    Statistical Computation and Simulation 30, 1-15.

    Args:
        arms: At least 2.
        df: Degrees of freedom of the standard error, above 0; may be infinite.
        level: The chance of any false difference, within 0..1.
    """
    from scipy.special import gammaincinv, stdtrit

    if arms == 2:
        return float(stdtrit(df, 1 - level / 2))
    if np.isinf(df):
        scale = np.ones(1)
        weights = np.ones(1)
    else:
        nodes, weights = _nodes()
        scale = np.sqrt(gammaincinv(df / 2, nodes) / (df / 2))
    low, high = 0.0, _MOST * sqrt(2)
    ranges, shares = _range_distribution(arms)
    for _ in range(36):
        middle = (low + high) / 2
        if weights @ np.interp(middle * scale, ranges, shares) < 1 - level:
            low = middle
        else:
            high = middle
    return high / sqrt(2)


@lru_cache(maxsize=1)
def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of an integral over 0..1, dense at both ends."""
    x, weights = np.polynomial.legendre.leggauss(200)
    u = (x + 1) / 2
    return u**2 * (3 - 2 * u), weights * 3 * u * (1 - u)


@lru_cache(maxsize=64)
def _range_distribution(arms: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The distribution function of the range of `arms` standard normal variables."""
    from scipy.special import ndtr

    ranges, z = np.linspace(0, 14, 1401), np.linspace(-8, 8, 321)
    density = np.exp(-(z**2) / 2) / sqrt(2 * np.pi)
    inside = ndtr(z) - ndtr(z - ranges[:, None])
    return ranges, arms * (inside ** (arms - 1) @ density) * (z[1] - z[0])

"""How far two orders of the same things agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarkit.errors import InvalidInput

RESAMPLES = 10_000
FEWEST_FOR_INTERVAL = 5
"""Resamples of fewer have only a few different values."""


@dataclass(frozen=True)
class RankAgreement:
    """Kendall's tau-b of two orders.

    Attributes:
        tau: -1 (opposite) to 1 (the same); NaN if all values of one order are equal.
        low, high: The 95% interval; None of fewer than `FEWEST_FOR_INTERVAL`.
    """

    tau: float
    low: float | None
    high: float | None


def rank_agreement(first: Sequence[float], second: Sequence[float]) -> RankAgreement:
    """Kendall's tau-b of two scores of the same things, with its percentile bootstrap interval.

    The things (networks) are resampled, 10,000 times from a fixed seed; a thing that is drawn twice
    is tied with itself in both orders. The interval is of other networks like these on the same
    images, and rough for few of them.

    Args:
        first, second: The scores of each, at least 2.

    Raises:
        InvalidInput: There are fewer than 2, or the numbers of scores differ.
    """
    from scipy.stats import kendalltau

    if len(first) < 2 or len(first) != len(second):
        raise InvalidInput(f"two orders of 2 or more, got {len(first)} and {len(second)}")
    tau = float(kendalltau(first, second).statistic)
    if len(first) < FEWEST_FOR_INTERVAL:
        return RankAgreement(tau, None, None)
    count = len(first)
    rng = np.random.Generator(np.random.PCG64(0))
    drawn = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(float)
    taus = resampled(first, second, drawn)
    if not len(taus):
        return RankAgreement(tau, None, None)
    low, high = np.quantile(taus, (0.025, 0.975))
    return RankAgreement(tau, float(low), float(high))


def resampled(
    first: Sequence[float], second: Sequence[float], drawn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Tau-b of resamples, those left out where it is not defined.

    Args:
        drawn: (resamples, n), how often each thing was drawn.
    """
    one, two = (np.sign(np.subtract.outer(x, x)) for x in map(np.asarray, (first, second)))
    same, untied_one, untied_two = (
        np.einsum("ri,ij,rj->r", drawn, of, drawn, optimize=True)
        for of in (one * two, np.abs(one), np.abs(two))
    )
    untied = np.sqrt(untied_one * untied_two)
    found: NDArray[np.float64] = same[untied > 0] / untied[untied > 0]
    return found

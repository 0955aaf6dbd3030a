"""How likely `comparison.compare` is to see a difference between settings, before it is run."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from cifarkit.evaluation.comparison import LEVEL
from cifarkit.evaluation.standard_errors import BORROWED_DF
from cifarkit.evaluation.studentized_range import critical_value

POWER = 0.8
"""The customary chance to see a difference that is there."""
FEWEST_SEEDS = 3
"""With two, a comparison of settings sees little (`docs/statistics.md`)."""
MOST_SEEDS = 200
_NODES = 40

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Variation:
    """What makes the accuracy of a run differ from that of another.

    Attributes:
        seed_sd: The standard deviation over seeds of a run's expected accuracy, 0..1.
        disagreement: The share of images on which just one of two runs of a setting is right.
        between: The same of two runs of different settings. What it has more than `disagreement`
            suits a setting on these very images, and more seeds do not reduce it.
    """

    seed_sd: float
    disagreement: float
    between: float

    def run_sd(self, images: int) -> float:
        """The standard deviation of a run's accuracy over seeds, on the same images."""
        return sqrt(self.seed_sd**2 + self.disagreement / 2 / images)


@dataclass(frozen=True)
class Design:
    """Equal settings of which all pairs are compared.

    Attributes:
        arms: How many settings, at least 2.
        seeds: Of each setting, at least 2.
        images: Test images, at least 2.
    """

    arms: int
    seeds: int
    images: int


def power(difference: float, variation: Variation, design: Design, level: float = LEVEL) -> float:
    """The chance, 0..1, that the better of two settings is found to be better.

    The settings vary alike. A mean over what the two seed variances of `compare` may turn out to
    be, by quadrature; the image part, and the other settings' variance, which has more degrees of
    freedom, are taken as known.

    Args:
        difference: The true difference in accuracy, 0..1.
        level: As of `compare`.
    """
    return _chance(difference, *_limits(variation, design, level))


def smallest_difference(
    variation: Variation, design: Design, level: float = LEVEL, wanted: float = POWER
) -> float:
    """The smallest true difference in accuracy that is seen with the wanted power; may exceed 1."""
    from scipy.optimize import brentq

    limits = _limits(variation, design, level)
    most = float(limits[0].max()) + 10 * limits[2]
    return float(brentq(lambda lead: _chance(lead, *limits) - wanted, 0.0, most))


def seeds_needed(
    difference: float, variation: Variation, *, arms: int, images: int, wanted: float = POWER
) -> int | None:
    """The fewest seeds of each setting with at least the wanted power; None beyond `MOST_SEEDS`."""
    counts = range(FEWEST_SEEDS, MOST_SEEDS + 1)
    found = bisect_left(
        counts, wanted, key=lambda seeds: power(difference, variation, Design(arms, seeds, images))
    )
    return counts[found] if found < len(counts) else None


def _chance(difference: float, limits: _Array, weights: _Array, error: float) -> float:
    from scipy.special import ndtr

    return float(np.sum(weights * ndtr((difference - limits) / error)))


def _limits(variation: Variation, design: Design, level: float) -> tuple[_Array, _Array, float]:
    """The observed differences from which on a setting is called better.

    Returns:
        One for each pair of estimated seed variances, (m, m), their weights, and the standard
        deviation of an observed difference.
    """
    from scipy.special import gammaincinv

    arms, seeds, images = design.arms, design.seeds, design.images
    suits = max(0.0, variation.between - variation.disagreement)
    image = suits / images + 1 / images**2
    true = variation.run_sd(images) ** 2
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    df = np.full(_NODES, seeds - 1.0)
    drawn = true * gammaincinv(df / 2, (nodes + 1) / 2) / (df / 2)
    found = np.maximum(drawn, variation.disagreement / 2 / images)
    borrowed = min(BORROWED_DF, arms - 2, seeds - 1)
    mixed = (borrowed * (weights @ found) / 2 + df * found) / (borrowed + df)
    df = df + borrowed * (mixed > found)
    part = np.maximum(mixed, found) / seeds
    total = part[:, None] + part + image
    squares = (part**2 / df)[:, None] + part**2 / df + image**2 / (images - 1)
    # Tabulated by 1/df, along which its logarithm is smooth.
    inverse = np.linspace(0, 1, _NODES)
    critical = [critical_value(arms, 1 / x if x else inf, level) for x in inverse]
    factor = np.exp(np.interp(squares / total**2, inverse, np.log(critical)))
    error = sqrt(2 * true / seeds + image)
    return factor * np.sqrt(total), np.outer(weights, weights) / 4, error

"""How likely `comparison.compare` is to see a difference between settings, before it is run."""

from __future__ import annotations

from math import sqrt

from cifarkit.evaluation.comparison import LEVEL
from cifarkit.evaluation.studentized_range import critical_value

POWER = 0.8
"""The customary chance to see a difference that is there."""


def run_deviation(seed_sd: float, disagreement: float, images: int) -> float:
    """The standard deviation of a run's accuracy over seeds, on the same images.

    Args:
        seed_sd: What the seed changes in a run's expected accuracy, 0..1.
        disagreement: The share of images on which just one of two runs of a setting is right.
        images: At least 1.
    """
    return sqrt(seed_sd**2 + disagreement / 2 / images)


def power(difference: float, run_sd: float, seeds: int, arms: int, level: float = LEVEL) -> float:
    """The chance, 0..1, that a pair of settings is found to differ.

    The noncentral t of Games & Howell's test with equal variances. What suits one setting on these
    very images, and no seed changes, is taken to be small beside it; what `compare` borrows from
    other settings is left out, so that with three seeds it is on the safe side.

    Args:
        difference: The true difference in accuracy, 0..1.
        run_sd: Of a run's accuracy over seeds (`run_deviation`), above 0.
        seeds: Of each setting, at least 2.
        arms: How many settings are compared, at least 2.
        level: As of `compare`.
    """
    from scipy.stats import nct

    df = 2 * (seeds - 1)
    lead = difference / (run_sd * sqrt(2 / seeds))
    return float(nct.sf(critical_value(arms, df, level), df, lead))


def seeds_needed(
    difference: float, run_sd: float, arms: int, wanted: float = POWER, most: int = 200
) -> int | None:
    """The fewest seeds of each setting with at least the wanted power; None beyond `most`."""
    counts = range(3, most + 1)
    return next((n for n in counts if power(difference, run_sd, n, arms) >= wanted), None)

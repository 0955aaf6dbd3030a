from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.power import TTestIndPower

from benchmarks.comparison_rules import Cell
from benchmarks.comparison_rules import power as simulated
from cifarkit.evaluation.comparison import compare
from cifarkit.evaluation.power import (
    Design,
    Variation,
    power,
    seeds_needed,
    smallest_difference,
)
from tests.evaluation.simulated import simulate

USUAL = Variation(seed_sd=0.003, disagreement=0.128, between=0.128)


def test_run_deviation_by_hand() -> None:
    # 0.3 points of seeds and 0.064 / 8000 of images: 9e-6 + 8e-6.
    assert USUAL.run_sd(8000) == pytest.approx(17e-6**0.5)


@pytest.mark.parametrize(("seeds", "within"), [(6, 0.02), (20, 0.005)])
def test_two_settings_as_statsmodels(seeds: int, within: float) -> None:
    """Which pools the two variances, and counts differences of the wrong sign: there are none."""
    expected = TTestIndPower().power(0.01 / 0.006, nobs1=seeds, alpha=0.05)
    found = power(0.01, Variation(0.006, 1e-9, 1e-9), Design(2, seeds, 8000))
    assert found == pytest.approx(expected, abs=within)


@pytest.mark.parametrize("suited", [0.0, 0.03])
@pytest.mark.parametrize("arms", [2, 5, 13])
@pytest.mark.parametrize("seeds", [3, 6, 10])
def test_as_simulated(seeds: int, arms: int, suited: float) -> None:
    """`suited` is the variance on an image that one setting alone has: two differ by twice that."""
    variation = Variation(0.003, 0.128, 0.128 + 2 * suited)
    cell = Cell(seeds, arms, 0.3, 8000, suited=suited, difference=1.0)
    expected = simulated("moderated", cell, 4000, np.random.default_rng(0))
    assert power(0.01, variation, Design(arms, seeds, 8000)) == pytest.approx(expected, abs=0.025)


@pytest.mark.parametrize(("seeds", "images"), [(3, 400), (6, 2000)])
def test_as_compare_decides_on_drawn_images(seeds: int, images: int) -> None:
    """Settings that suit different images; the formula's shares are those of the images drawn."""
    rng = np.random.default_rng(1)
    drawn = {"image_share": 0.7, "arm_image_share": 0.1, "seed_deviation": 0.005}
    many = simulate(
        rng, accuracies=(0.83, 0.83), images=200_000, seeds=2, image_share=0.7, arm_image_share=0.1
    )
    disagreement, between = (
        float(np.mean(many["0"][0] != many[arm][1])) for arm in ("0", "1")
    )  # fmt: skip
    assert disagreement < between
    variation = Variation(0.005, disagreement, between)
    difference = smallest_difference(variation, Design(2, seeds, images))
    better = 0
    for _ in range(400):
        arms = simulate(
            rng, accuracies=(0.8, 0.8 + difference), images=images, seeds=seeds, **drawn
        )
        (found,) = compare(arms).comparisons
        better += found.reference == "1" and found.verdict == "worse"
    assert better / 400 == pytest.approx(0.8, abs=0.06)


def test_the_smallest_difference_has_the_wanted_power() -> None:
    for design in (Design(2, 2, 400), Design(5, 3, 8000), Design(13, 10, 10_000)):
        found = smallest_difference(USUAL, design)
        assert power(found, USUAL, design) == pytest.approx(0.8, abs=1e-6)


def test_seeds_needed_are_the_fewest() -> None:
    assert seeds_needed(0.02, USUAL, arms=2, images=8000) == 3
    more = seeds_needed(0.01, USUAL, arms=13, images=8000)
    assert more is not None
    assert power(0.01, USUAL, Design(13, more, 8000)) >= 0.8
    assert power(0.01, USUAL, Design(13, more - 1, 8000)) < 0.8
    assert seeds_needed(0.0001, USUAL, arms=5, images=8000) is None


def test_what_suits_a_setting_takes_images_instead_of_seeds() -> None:
    """0.08 / 1,000 is a standard error of 0.9 points, whatever the seeds."""
    variation = Variation(0.003, 0.128, 0.208)
    assert seeds_needed(0.01, variation, arms=2, images=1000) is None
    assert seeds_needed(0.01, variation, arms=2, images=8000) is not None


@pytest.mark.parametrize(
    ("variation", "design"),
    [
        (Variation(1e-12, 1e-12, 1e-12), Design(2, 3, 2**31 - 1)),
        (Variation(0.5, 1.0, 1.0), Design(1000, 2, 2)),
        (Variation(1e-12, 1.0, 1e-12), Design(2, 200, 2)),
    ],
)
def test_extremes_are_numbers(variation: Variation, design: Design) -> None:
    assert 0 <= power(0.01, variation, design) <= 1
    assert smallest_difference(variation, design) > 0

"""Conclusions about simulated trainings, where it is known which arm is better, if any.

Bounds allow for two standard deviations of the number of false conclusions at a true rate of 5%.
Everything is seeded, so a test here fails for a change of the code and not by chance. The full
table is `benchmarks/comparison_rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from benchmarks.comparison_rules import Cell, false, power
from cifarkit.evaluation.comparison import Conclusion, compare
from cifarkit.evaluation.wording import sentences
from tests.evaluation.simulated import Arms, from_patterns, simulate

pytestmark = pytest.mark.slow


def allowed(sweeps: int, rate: float = 0.05) -> float:
    return rate * sweeps + 2 * sqrt(rate * (1 - rate) * sweeps)


def finds_a_difference(found: Conclusion) -> bool:
    return any(one.verdict != "not distinguishable" for one in found.comparisons)


def count(sweeps: int, draw: Callable[[np.random.Generator], Arms]) -> int:
    """In how many sweeps any arm at all is called better or worse."""
    rng = np.random.default_rng(2024)
    return sum(finds_a_difference(compare(draw(rng))) for _ in range(sweeps))


def test_simulated_runs_disagree_as_often_as_independent_trainings_do() -> None:
    arms = simulate(np.random.default_rng(0), accuracies=(0.83, 0.83), images=100_000)
    assert np.mean(arms["0"][0] != arms["1"][0]) == pytest.approx(0.128, abs=0.004)
    assert arms["0"][0].mean() == pytest.approx(0.83, abs=0.005)


def test_one_run_each_five_equal_models() -> None:
    found = count(400, lambda rng: simulate(rng, accuracies=[0.83] * 5, images=8000))
    assert found <= allowed(400)


@pytest.mark.parametrize(
    ("seeds", "arms", "images", "arm_image_share", "seed_deviation"),
    [
        (2, 5, 1000, 0.0, 0.01),
        (3, 2, 400, 0.1, 0.003),
        (3, 5, 1000, 0.0, 0.015),
        (3, 13, 400, 0.0, 0.015),
        (6, 5, 400, 0.1, 0.0),
        (6, 5, 1000, 0.0, 0.003),
        (10, 4, 400, 0.1, 0.01),
    ],
)
def test_several_seeds_of_equal_settings(
    seeds: int, arms: int, images: int, arm_image_share: float, seed_deviation: float
) -> None:
    found = count(
        300,
        lambda rng: simulate(
            rng,
            accuracies=[0.83] * arms,
            images=images,
            seeds=seeds,
            arm_image_share=arm_image_share,
            seed_deviation=seed_deviation,
        ),
    )
    assert found <= allowed(300)


@pytest.mark.parametrize("arms", [2, 5, 13])
@pytest.mark.parametrize("seeds", [3, 6, 10])
@pytest.mark.parametrize("seed_sd", [0.1, 0.5, 1.5])
def test_false_differences_of_the_rule(seeds: int, arms: int, seed_sd: float) -> None:
    for images in (400, 10_000):
        rate = false(
            "moderated", Cell(seeds, arms, seed_sd, images), 1000, np.random.default_rng(1)
        )
        assert rate * 1000 <= allowed(1000)


@pytest.mark.parametrize("arms", [2, 5, 13])
@pytest.mark.parametrize("seeds", [3, 6])
def test_false_differences_where_one_arm_varies_more(seeds: int, arms: int) -> None:
    cell = Cell(seeds, arms, 0.3, 10_000, wild=True)
    rate = false("moderated", cell, 1000, np.random.default_rng(1))
    assert rate * 1000 <= allowed(1000, 0.06 if arms == 2 else 0.05)


def test_power_with_six_seeds_and_five_arms() -> None:
    rng = np.random.default_rng(2)
    assert power("moderated", Cell(6, 5, 0.3, 8000, difference=1.0), 500, rng) >= 0.7
    assert power("moderated", Cell(6, 5, 0.3, 8000, difference=2.0), 500, rng) >= 0.99


def test_power_of_compare_itself() -> None:
    rng = np.random.default_rng(3)
    seen = [0, 0]
    for _ in range(30):
        for row, lead in enumerate((0.01, 0.02)):
            accuracies = (0.83 + lead, 0.83, 0.83, 0.83, 0.83)
            arms = simulate(rng, accuracies=accuracies, images=8000, seeds=6, seed_deviation=0.003)
            found = [one.verdict for one in compare(arms).comparisons if one.reference == "0"]
            seen[row] += found.count("worse")
    assert seen[0] >= 0.45 * 120
    assert seen[1] >= 0.95 * 120


@pytest.mark.parametrize("seeds", [1, 3, 6])
def test_the_interval_of_an_accuracy_covers_the_truth(seeds: int) -> None:
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(200):
        deviation = 0.01 if seeds > 1 else 0.0
        made = simulate(rng, accuracies=[0.83], images=500, seeds=seeds, seed_deviation=deviation)
        (score,) = compare(made).scores
        missed += not score.low <= 0.83 <= score.high
    assert missed <= allowed(200)


def test_equal_settings_are_called_equal_and_those_a_point_apart_are_not() -> None:
    rng = np.random.default_rng(9)
    equal = [0, 0]
    for _ in range(100):
        for row, lead in enumerate((0.0, 0.01)):
            arms = simulate(
                rng, accuracies=(0.83, 0.83 + lead), images=8000, seeds=10, seed_deviation=0.003
            )
            equal[row] += compare(arms).comparisons[0].equal_within(0.01)
    assert equal[0] >= 95
    assert equal[1] <= allowed(100)


def test_the_published_dropout_table_tells_no_value_from_another() -> None:
    """Accuracies 0.82, 0.83, 0.82, 0.83, 0.82 of one run each on 8,000 images."""
    # All five get 5,100 images right; each arm alone is wrong on 340 and alone right on 100; the
    # two at 0.83 get 80 more. 5,100 + 4 * 340 + 100 = 6,560 = 0.82 * 8,000; 6,640 is 0.83.
    # An arm at 0.83 and one at 0.82 differ on 2 * (340 + 100) + 80 = 960 images, 12%: 520 to 440.
    wrong = ["01111", "10111", "11011", "11101", "11110"]
    right = ["10000", "01000", "00100", "00010", "00001"]
    arms = from_patterns(
        [
            (5100, "11111"),
            *((340, bits) for bits in wrong),
            *((100, bits) for bits in right),
            (80, "01010"),
            (620, "00000"),
        ]
    )
    found = compare(arms)
    assert [score.accuracy for score in found.scores] == [0.82, 0.83, 0.82, 0.83, 0.82]
    assert not finds_a_difference(found)
    assert not any("best" in sentence for sentence in sentences(found))
    # One pair looked at by itself would have passed for a finding; one of ten does not.
    alone = compare({arm: arms[arm] for arm in ("0", "1")})
    assert finds_a_difference(alone)

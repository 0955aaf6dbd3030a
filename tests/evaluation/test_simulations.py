"""Conclusions about simulated trainings, where it is known which arm is better, if any.

Bounds allow for two standard deviations of the number of false conclusions at a true rate of 5%.
Everything is seeded, so a test here fails for a change of the code and not by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from cifarkit.evaluation.comparison import Conclusion, compare, indistinguishable_from_best
from cifarkit.evaluation.metrics import Interval
from cifarkit.evaluation.paired_tests import crossed_intervals, sign_flip_p
from cifarkit.evaluation.wording import sentences
from tests.evaluation.simulated import Arms, from_patterns, simulate

pytestmark = pytest.mark.slow


def allowed(sweeps: int) -> float:
    return 0.05 * sweeps + 2 * sqrt(0.05 * 0.95 * sweeps)


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


def test_the_winner_against_the_rest_as_though_it_had_been_fixed_beforehand() -> None:
    """Why the family is all pairs: with k - 1 comparisons the rate is about double the nominal."""
    rng = np.random.default_rng(2024)
    wrong = 0
    for _ in range(400):
        arms = simulate(rng, accuracies=[0.83] * 5, images=8000)
        winner = max(arms, key=lambda arm: arms[arm][0].mean())
        wrong += finds_a_difference(compare(arms, reference=winner))
    assert wrong > allowed(400)


@pytest.mark.parametrize(
    ("seeds", "arm_image_share", "seed_deviation"),
    [(8, 0.0, 0.01), (8, 0.1, 0.005), (12, 0.1, 0.0), (12, 0.05, 0.01)],
)
def test_several_seeds_four_equal_settings(
    monkeypatch: pytest.MonkeyPatch, seeds: int, arm_image_share: float, seed_deviation: float
) -> None:
    # Without the resampling, which takes most of the time: p has to hold by itself.
    monkeypatch.setattr(
        "cifarkit.evaluation.comparison.crossed_intervals",
        lambda pairs: [Interval(1, 1) for _ in pairs],
    )
    found = count(
        200,
        lambda rng: simulate(
            rng,
            accuracies=[0.83] * 4,
            images=1000,
            seeds=seeds,
            arm_image_share=arm_image_share,
            seed_deviation=seed_deviation,
        ),
    )
    assert found <= allowed(200)


def test_six_seeds_two_equal_settings() -> None:
    found = count(
        100,
        lambda rng: simulate(rng, accuracies=[0.83] * 2, images=300, seeds=6, seed_deviation=0.01),
    )
    assert found <= allowed(100)


def test_seeds_alone_would_mistake_what_suits_these_images_for_a_better_setting() -> None:
    """Why p is not the sign-flip test's alone."""
    rng = np.random.default_rng(2024)
    wrong = 0
    for _ in range(100):
        arms = simulate(rng, accuracies=[0.83] * 2, images=400, seeds=12, arm_image_share=0.1)
        first, second = (np.stack(list(runs.values())).astype(np.int8) for runs in arms.values())
        wrong += sign_flip_p(first - second) < 0.05
    assert wrong > 2 * allowed(100)


@pytest.mark.parametrize(("seeds", "seed_deviation"), [(5, 0.0), (6, 0.02)])
def test_the_interval_covers_the_truth(seeds: int, seed_deviation: float) -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(100):
        arms = simulate(
            rng,
            accuracies=[0.83] * 2,
            images=300,
            seeds=seeds,
            arm_image_share=0.05,
            seed_deviation=seed_deviation,
        )
        first, second = (np.stack(list(runs.values())).astype(np.int8) for runs in arms.values())
        (interval,) = crossed_intervals([first - second])
        covered += not interval.excludes_zero
    assert covered >= 100 - allowed(100)


def test_three_points_are_found_nearly_always() -> None:
    rng = np.random.default_rng(11)
    bests = [
        compare(simulate(rng, accuracies=(0.83, 0.86, 0.83, 0.83, 0.83), images=8000)).best
        for _ in range(50)
    ]
    assert bests.count("1") >= 49


def test_three_points_are_found_with_eight_seeds() -> None:
    rng = np.random.default_rng(12)
    bests = [
        compare(
            simulate(
                rng,
                accuracies=(0.83, 0.86, 0.83, 0.83),
                images=2000,
                seeds=8,
                arm_image_share=0.05,
                seed_deviation=0.005,
            )
        ).best
        for _ in range(20)
    ]
    assert bests.count("1") >= 18


def test_the_published_dropout_table_singles_out_no_value() -> None:
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
    assert found.best is None
    assert not finds_a_difference(found)
    assert indistinguishable_from_best(found) == set(arms)
    # One pair looked at by itself would have passed for a finding; one of ten does not.
    assert [one.p for one in found.comparisons] == pytest.approx(
        [0.0108, 0.0108, 1, 0.0108], abs=1e-4
    )
    assert "The data do not single out a best one." in sentences(found, axis="dropout")


@pytest.mark.parametrize("seed", range(5))
def test_nor_does_a_sweep_whose_models_are_as_far_apart_in_truth_rank_the_two_at_the_top(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    arms = simulate(rng, accuracies=(0.82, 0.83, 0.82, 0.83, 0.82), images=8000)
    found = compare(arms)
    assert {"1", "3"} <= indistinguishable_from_best(found)
    assert found.best is None

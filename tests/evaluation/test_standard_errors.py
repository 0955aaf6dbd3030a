from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import tukey_hsd

from cifarkit.evaluation.comparison import compare
from cifarkit.evaluation.standard_errors import SeedVariance, SettingRuns, difference, moderated
from tests.evaluation.simulated import simulate


def runs(*rows: str) -> list[np.ndarray]:
    return [np.array([digit == "1" for digit in row]) for row in rows]


def test_by_hand() -> None:
    """Two runs, four images: right on 3 and on 1; the mean accuracy is 1/2."""
    one = SettingRuns(runs("1110", "1000"))
    assert one.accuracy == 0.5
    assert one.by_image.tolist() == [1, 0.5, 0.5, 0]
    # Accuracies 3/4 and 1/4: variance 1/8. Within images 0 + 1/2 + 1/2 + 0 = 1, of which the
    # seeds make 4 * 1/8 = 1/2; the other 1/2 has 1 * 3 degrees of freedom, so that the interaction
    # is 1/6 a cell, and a run's accuracy has a quarter of that.
    assert one.seeds == SeedVariance(pytest.approx(1 / 8), 1)
    assert one.noise == pytest.approx(1 / 24)
    # Means by image 1, 1/2, 1/2, 0: variance 1/6, of their mean 1/24, less the noise of two runs.
    image = 1 / 24 - 1 / 48 + 1 / 16
    seeds = 1 / 16
    assert one.estimate.standard_error**2 == pytest.approx(seeds + image)
    assert one.estimate.df == pytest.approx((seeds + image) ** 2 / (seeds**2 + image**2 / 3))


def test_runs_that_score_alike_by_chance_are_not_taken_for_certain() -> None:
    one = SettingRuns(runs("1100", "0011", "1010"))
    assert one.seeds.variance == one.noise > 0


def test_a_seed_that_changes_nothing_leaves_the_images() -> None:
    one = SettingRuns(runs("1110", "1110"))
    assert one.noise == one.seeds.variance == 0
    assert one.estimate.standard_error**2 == pytest.approx(3 / 16 * 4 / 3 / 4 + 1 / 16)


def test_moderated_by_hand() -> None:
    class Made(SettingRuns):
        def __init__(self, variance: float, df: float) -> None:
            self.seeds = SeedVariance(variance, df)

    made = {"a": Made(1, 2), "b": Made(4, 2), "c": Made(7, 2), "d": Made(40, 4)}
    found = moderated(made)
    # Of "a" the others have (2 * 4 + 2 * 7 + 4 * 40) / 8 = 22.75, which counts like 2 of 4.
    assert found["a"] == SeedVariance((2 * 22.75 + 2 * 1) / 4, 4)
    assert found["d"] == SeedVariance(40, 4)  # never less than its own
    assert moderated({name: made[name] for name in "abc"})["a"] == SeedVariance(
        (5.5 + 2 * 1) / 3, 3
    )
    assert moderated({name: made[name] for name in "ab"})["a"] == SeedVariance(1, 2)


def test_two_settings_as_welchs_test() -> None:
    """With many seeds and no image that suits one setting, SciPy's Games-Howell says the same."""
    rng = np.random.default_rng(4)
    arms = simulate(
        rng, accuracies=(0.8, 0.82), images=20_000, seeds=12, image_share=0.8, seed_deviation=0.02
    )
    accuracies = [[run.mean() for run in one.values()] for one in arms.values()]
    expected = tukey_hsd(*accuracies, equal_var=False).confidence_interval(0.95)
    (found,) = compare(arms).comparisons
    assert (found.low, found.high) == pytest.approx(
        (expected.low[0][1], expected.high[0][1]), rel=0.03
    )


def test_images_that_suit_a_setting_widen_the_difference() -> None:
    rng = np.random.default_rng(5)
    plain, suited = (
        [SettingRuns(list(one.values())) for one in arms.values()]
        for arms in (
            simulate(rng, accuracies=(0.8, 0.8), images=400, seeds=10),
            simulate(rng, accuracies=(0.8, 0.8), images=400, seeds=10, arm_image_share=0.15),
        )
    )
    errors = [
        difference(one, other, (one.seeds, other.seeds)).standard_error
        for one, other in (plain, suited)
    ]
    assert errors[1] > 1.3 * errors[0]


def test_the_standard_error_is_the_spread_of_new_studies() -> None:
    rng = np.random.default_rng(6)
    found, claimed = [], []
    for _ in range(300):
        arms = simulate(
            rng,
            accuracies=(0.8, 0.8),
            images=300,
            seeds=4,
            arm_image_share=0.1,
            seed_deviation=0.01,
        )
        one, other = (SettingRuns(list(runs.values())) for runs in arms.values())
        estimate = difference(one, other, (one.seeds, other.seeds))
        found.append(estimate.value)
        claimed.append(estimate.standard_error**2)
    assert np.mean(claimed) == pytest.approx(np.var(found), rel=0.2)

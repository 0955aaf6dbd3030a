from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.comparison import Runs, accuracy_interval, compare
from cifarkit.evaluation.metrics import Interval, wilson_interval
from tests.evaluation.simulated import Arms, from_patterns, simulate

# Of 1,000 images: 850 all three get right, 30 only "0", 20 only "1", 40 only "0" and "1".
# Right: 920, 910, 850.
THREE = from_patterns([(850, "111"), (30, "100"), (20, "010"), (40, "110"), (60, "000")])


def test_one_run_each_by_hand() -> None:
    found = compare(THREE)
    assert [(score.arm, score.accuracy, score.runs, score.of) for score in found.scores] == [
        ("0", 0.92, 1, "model"),
        ("1", 0.91, 1, "model"),
        ("2", 0.85, 1, "model"),
    ]
    assert (found.reference, found.family, found.best, found.of_models) == ("0", 3, None, True)
    first, second = found.comparisons
    # "1" against "0": 20 discordant images to 30. Wald's interval with half an image in each cell,
    # at the standard normal quantile of Tukey's range of three: q(0.05; 3, inf) = 3.314.
    assert (first.arm, first.reference, first.of, first.runs) == ("1", "0", "model", 1)
    assert first.difference == -0.01
    half = 3.314 / sqrt(2) * sqrt(51 / 1002 - (10 / 1002) ** 2) / sqrt(1002)
    assert first.low == pytest.approx(-10 / 1002 - half, abs=1e-5)
    assert first.verdict == "not distinguishable"
    # "2" against "0": 0 to 70.
    assert second.difference == pytest.approx(-0.07)
    assert second.verdict == "worse"


def test_a_better_model_is_no_best_setting() -> None:
    found = compare({arm: runs for arm, runs in THREE.items() if arm != "1"})
    assert found.comparisons[0].verdict == "worse"
    assert found.best is None


def test_models_that_agree_on_every_image_are_not_distinguishable() -> None:
    found = compare(from_patterns([(10, "11"), (5, "00")]))
    assert found.reference == "0"  # the first of those that share the highest accuracy
    assert found.comparisons[0].difference == 0
    assert found.comparisons[0].verdict == "not distinguishable"


def gain(seeds: int, images: int = 2000) -> Arms:
    """Two arms; "1" is better by 5 points in every seed."""
    rng = np.random.default_rng(5)
    return simulate(rng, accuracies=(0.8, 0.85), images=images, seeds=seeds)


@pytest.mark.parametrize("seeds", [3, 6])
def test_a_few_seeds_can_show_a_difference_between_two_settings(seeds: int) -> None:
    found = compare(gain(seeds))
    (one,) = found.comparisons
    assert (one.arm, one.reference, one.of, one.runs) == ("0", "1", "setting", seeds)
    assert one.low < one.difference < one.high < 0
    assert found.best == "1"


def test_more_arms_widen_the_intervals() -> None:
    two = gain(6)
    five = {**two, "2": two["0"], "3": two["0"], "4": two["0"]}
    narrow, wide = (compare(arms).comparisons[0] for arms in (two, five))
    assert wide.difference == narrow.difference
    assert wide.low < narrow.low
    assert narrow.high < wide.high


def test_equal_within_a_margin() -> None:
    (one,) = compare(from_patterns([(4000, "11"), (3, "10"), (3, "01"), (900, "00")])).comparisons
    assert one.verdict == "not distinguishable"
    assert one.equal_within(0.01)
    assert not one.equal_within(0.001)
    (two,) = compare(from_patterns([(40, "11"), (9, "00")])).comparisons
    assert not two.equal_within(0.01)  # equal on all 49 images, which are too few to tell


def test_an_arm_with_one_run_is_compared_as_a_model() -> None:
    arms: dict[str, Runs] = dict(gain(4))
    arms["0"] = {2: arms["0"][2]}
    found = compare(arms)
    assert [(score.runs, score.of) for score in found.scores] == [(1, "model"), (4, "setting")]
    (one,) = found.comparisons
    assert (one.of, one.runs) == ("model", 1)
    assert one.difference == pytest.approx(arms["0"][2].mean() - arms["1"][2].mean())
    arms["0"] = {9: arms["0"][2]}  # no seed in common
    (one,) = compare(arms).comparisons
    assert one.difference == pytest.approx(arms["0"][9].mean() - arms["1"][0].mean())


def test_an_interval_of_a_setting_contains_what_the_seed_changes() -> None:
    rng = np.random.default_rng(8)
    arms = simulate(rng, accuracies=(0.8, 0.8), images=5000, seeds=5, seed_deviation=0.03)
    one, two = compare(arms).scores
    model = accuracy_interval({0: arms["0"][0]})
    assert one.high - one.low > 2 * (model.high - model.low)
    assert one.low < 0.8 < one.high
    assert two.low < 0.8 < two.high
    assert accuracy_interval(arms["0"]) == Interval(one.low, one.high)
    assert model == wilson_interval(arms["0"][0].sum(), 5000)


def test_nothing_to_compare() -> None:
    assert compare({}).reference is None
    alone = compare({"a": {0: np.array([True, False])}})
    assert (alone.reference, alone.comparisons, alone.best, alone.family) == ("a", (), None, 0)
    failed = compare({"a": {}, "b": {0: np.array([True])}})
    assert (failed.missing, failed.comparisons) == (("a",), ())


def test_arms_scored_on_different_images_are_not_compared() -> None:
    longer: dict[str, Runs] = {**THREE, "3": {0: np.ones(2000, np.bool_)}}
    marked = dict.fromkeys(THREE, ("apple", "bear")) | {"2": ("apple", "bus")}
    for found in (compare(longer), compare(THREE, image_sets=marked)):
        assert not found.same_images
        assert found.reference is None
        assert found.comparisons == ()
        assert found.best is None
    assert compare(THREE, image_sets=dict.fromkeys(THREE, "same")) == compare(THREE)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({0: np.array([0, 1])}, r"a, seed 0: expected \(n,\) bool, n > 0, got int64 \(2,\)"),
        ({4: np.zeros((2, 2), np.bool_)}, r"a, seed 4: .* got bool \(2, 2\)"),
        ({0: np.zeros(0, np.bool_)}, r"got bool \(0,\)"),
        ({0: [True]}, "got list"),
        ({0: np.ones(2, np.bool_), 1: np.ones(3, np.bool_)}, r"a: .* scored on \[2, 3\] images"),
    ],
)
def test_runs_that_cannot_be_used_are_refused(runs: Runs, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        compare({"a": runs})


def test_an_unknown_image_set_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no entry for '0'"):
        compare(THREE, image_sets={"1": 1})


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_images_and_arms_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arms = simulate(rng, accuracies=(0.6, 0.65, 0.95), images=200)
    order = rng.permutation(200)
    shuffled = {arm: {0: runs[0][order]} for arm, runs in arms.items()}
    found = compare(arms)
    assert compare(shuffled) == found
    backwards = compare(dict(reversed(arms.items())))
    assert {one.arm: (one.difference, one.low) for one in backwards.comparisons} == {
        one.arm: (one.difference, one.low) for one in found.comparisons
    }

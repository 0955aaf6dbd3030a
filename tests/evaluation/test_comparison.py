from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.comparison import Runs, compare, indistinguishable_from_best
from tests.evaluation.simulated import Arms, from_patterns, simulate

# Of 1,000 images: 850 all three get right, 30 only "0", 20 only "1", 40 only "0" and "1".
# Right: 920, 910, 850.
THREE = from_patterns([(850, "111"), (30, "100"), (20, "010"), (40, "110"), (60, "000")])


def test_one_run_each_by_hand() -> None:
    found = compare(THREE)
    assert [(score.arm, score.accuracy, score.runs) for score in found.scores] == [
        ("0", 0.92, 1),
        ("1", 0.91, 1),
        ("2", 0.85, 1),
    ]
    assert (found.reference, found.chosen, found.family, found.best) == ("0", True, 3, None)
    first, second = found.comparisons
    # "1" against "0": 20 discordant images to 30. McNemar's p is the largest of the three.
    assert (first.arm, first.reference, first.method, first.runs) == ("1", "0", "models", 1)
    assert first.difference == -0.01
    assert first.p == first.adjusted_p == pytest.approx(0.2026, abs=1e-4)
    assert first.verdict == "not distinguishable"
    # "2" against "0": 0 to 70, p = 2 / 2^70, the smallest of three.
    assert second.difference == pytest.approx(-0.07)
    assert second.adjusted_p == pytest.approx(3 * 2 / 2**70)
    assert second.high < 0
    assert second.verdict == "worse"
    assert indistinguishable_from_best(found) == {"0", "1"}


def test_a_given_reference_is_compared_with_the_others_alone() -> None:
    found = compare(THREE, reference="2")
    assert (found.reference, found.chosen, found.family, found.best) == ("2", False, 2, None)
    assert [(one.arm, one.verdict) for one in found.comparisons] == [
        ("0", "better"),
        ("1", "better"),
    ]
    with pytest.raises(InvalidInput, match="without a reference"):
        indistinguishable_from_best(found)


def test_a_best_arm_beats_every_other_one() -> None:
    found = compare({arm: runs for arm, runs in THREE.items() if arm != "1"})
    assert found.best == "0"
    assert indistinguishable_from_best(found) == {"0"}


def test_models_that_agree_on_every_image_are_not_distinguishable() -> None:
    found = compare(from_patterns([(10, "11"), (5, "00")]))
    assert found.reference == "0"  # the first of those that share the highest accuracy
    assert found.comparisons[0].p == 1
    assert found.comparisons[0].difference == 0


def gain(seeds: int, images: int = 2000) -> Arms:
    """Two arms; "1" is better by 5 points in every seed."""
    rng = np.random.default_rng(5)
    return simulate(rng, accuracies=(0.8, 0.85), images=images, seeds=seeds)


def test_six_seeds_can_show_a_difference_between_two_settings() -> None:
    found = compare(gain(6))
    (one,) = found.comparisons
    assert (one.arm, one.reference, one.method, one.runs) == ("0", "1", "settings", 6)
    assert one.p == 2 / 2**6
    assert one.low < one.difference < one.high < 0
    assert (found.best, found.seeds_needed) == ("1", None)


def test_five_seeds_cannot_and_the_conclusion_says_so() -> None:
    found = compare(gain(5))
    assert found.comparisons[0].high < 0
    assert found.comparisons[0].verdict == "not distinguishable"
    assert found.seeds_needed == 6


def test_a_family_of_comparisons_needs_more_seeds() -> None:
    rng = np.random.default_rng(6)
    arms = simulate(rng, accuracies=(0.9, 0.7, 0.7), images=500, seeds=6)
    assert compare(arms).seeds_needed == 7  # 3 comparisons: 3 * 2 / 2^6 = 0.094
    assert compare(arms, reference="1").seeds_needed == 7  # 2 comparisons: 0.0625


def test_arms_are_compared_over_the_seeds_that_both_have() -> None:
    arms: dict[str, Runs] = dict(gain(8))
    arms["0"] = {seed: run for seed, run in arms["0"].items() if seed != 3}
    found = compare(arms)
    assert [score.runs for score in found.scores] == [7, 8]
    (one,) = found.comparisons
    assert one.runs == 7
    same = [seed for seed in range(8) if seed != 3]
    expected = np.mean([arms["0"][seed].mean() - arms["1"][seed].mean() for seed in same])
    assert one.difference == pytest.approx(expected)


def test_arms_without_runs_or_without_a_seed_in_common() -> None:
    arms: dict[str, Runs] = {**gain(1), "failed": {}, "other seed": {7: np.ones(2000, np.bool_)}}
    found = compare(arms, reference="1")
    assert [one.arm for one in found.comparisons] == ["0"]
    assert (found.missing, found.uncompared) == (("failed",), ("other seed",))
    assert found.family == 1
    chosen = compare(arms)
    assert (chosen.reference, chosen.uncompared, chosen.best) == ("other seed", ("0", "1"), None)
    assert indistinguishable_from_best(chosen) == {"0", "1", "other seed"}


def test_nothing_to_compare() -> None:
    assert compare({}).reference is None
    assert indistinguishable_from_best(compare({"a": {}})) == frozenset()
    alone = compare({"a": {0: np.array([True, False])}})
    assert (alone.reference, alone.comparisons, alone.best) == ("a", (), None)
    failed = compare({"a": {}, "b": {0: np.array([True])}}, reference="a")
    assert (failed.missing, failed.comparisons) == (("a",), ())


def test_arms_scored_on_different_images_are_not_compared() -> None:
    longer: dict[str, Runs] = {**THREE, "3": {0: np.ones(2000, np.bool_)}}
    marked = dict.fromkeys(THREE, ("apple", "bear")) | {"2": ("apple", "bus")}
    for found in (compare(longer), compare(THREE, image_sets=marked)):
        assert not found.same_images
        assert found.reference is None
        assert found.comparisons == ()
        assert found.best is None
        with pytest.raises(InvalidInput, match="different images"):
            indistinguishable_from_best(found)
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


def test_an_unknown_reference_or_image_set_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown reference 'x'"):
        compare(THREE, reference="x")
    with pytest.raises(InvalidInput, match="no entry for '0'"):
        compare(THREE, image_sets={"1": 1})


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_images_and_arms_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arms = simulate(rng, accuracies=(0.6, 0.7, 0.8), images=200)
    order = rng.permutation(200)
    shuffled = {arm: {0: runs[0][order]} for arm, runs in arms.items()}
    found = compare(arms)
    assert compare(shuffled) == found
    backwards = compare(dict(reversed(arms.items())), reference=found.reference)
    assert {one.arm: (one.difference, one.low) for one in backwards.comparisons} == {
        one.arm: (one.difference, one.low) for one in found.comparisons
    }

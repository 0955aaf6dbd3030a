"""Looks at a growing number of seeds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.sequential_seeds import FIELDS, fixed_seeds, rates
from cifarkit.evaluation.comparison import compare
from cifarkit.evaluation.looks import planned_looks
from cifarkit.evaluation.sequential import Sequential, compare_sequentially
from cifarkit.evaluation.sequential_wording import procedure_sentences
from cifarkit.evaluation.wording import sentences
from tests.evaluation.simulated import Arms, simulate


def drawn(*accuracies: float, images: int = 4000) -> Arms:
    rng = np.random.default_rng(5)
    return simulate(rng, accuracies=accuracies, images=images, seeds=10, seed_deviation=0.003)


def up_to(arms: Arms, seeds: int) -> Sequential:
    return compare_sequentially(arms, tried=dict.fromkeys(arms, seeds))


def first(arms: Arms, seeds: int, *names: str) -> Arms:
    return {name: {s: r for s, r in arms[name].items() if s < seeds} for name in names}


def test_levels_are_in_proportion_to_the_seeds() -> None:
    looks = planned_looks(10, 0.05)
    assert [look.seeds for look in looks] == [3, 4, 6, 8, 10]
    assert [look.level for look in looks] == pytest.approx([0.015, 0.005, 0.01, 0.01, 0.01])
    assert [look.seeds for look in planned_looks(3, 0.05)] == [3]
    for most in range(3, 101):
        looks = planned_looks(most, 0.05)
        assert looks[-1].seeds == most
        assert sum(look.level for look in looks) == pytest.approx(0.05)


def test_each_look_compares_what_is_left_at_its_own_level() -> None:
    arms = drawn(0.80, 0.798, 0.70)
    assert up_to(arms, 2).conclusion is None
    one = up_to(arms, 3)
    assert one.conclusion is not None
    assert one.conclusion.comparisons == compare(first(arms, 3, *"012"), level=0.015).comparisons
    assert (one.left, one.next) == (("0", "1"), planned_looks(10, 0.05)[1])
    two = up_to(arms, 5)
    assert two.conclusion is not None
    (now,) = compare(first(arms, 4, *"01"), level=0.005).comparisons
    dropped = one.conclusion.comparisons[1]
    assert dropped.arm == "2"
    assert set(two.conclusion.comparisons) == {now, dropped}
    assert two.conclusion.dropped == ("2",)
    assert [score.runs for score in two.conclusion.scores] == [4, 4, 3]


def test_it_ends_when_every_arm_is_worse_or_equal_or_at_the_limit() -> None:
    clear = up_to(drawn(0.80, 0.7, 0.6), 10)
    assert (clear.taken, clear.settled, clear.left, clear.next) == (1, True, ("0",), None)
    assert clear.conclusion is not None
    assert clear.conclusion.best == "0"
    same = drawn(0.80, 0.80)
    state = compare_sequentially(same, tried=dict.fromkeys(same, 10), equivalence=0.1)
    assert (state.taken, state.settled, len(state.left)) == (1, True, 2)
    narrow = compare_sequentially(same, tried=dict.fromkeys(same, 10), equivalence=1e-6)
    assert (narrow.taken, narrow.settled, narrow.next) == (5, False, None)
    sentence = "At the limit of 10 seeds it was not settled, with 20 runs"
    assert sentence in " ".join(procedure_sentences(narrow, same))


def test_arms_that_failed_hold_up_nothing() -> None:
    arms = {**drawn(0.80, 0.798), "failed": {}}
    state = up_to(arms, 4)
    assert state.conclusion is not None
    assert (state.taken, state.left) == (2, ("0", "1"))
    assert state.conclusion.missing == ("failed",)
    waiting = compare_sequentially(arms, tried={"0": 6, "1": 4, "failed": 3})
    assert waiting.taken == 2


def test_one_run_of_an_arm_drops_it_not() -> None:
    arms = drawn(0.80, 0.6)
    del arms["1"][1], arms["1"][2]
    state = up_to(arms, 3)
    assert state.conclusion is not None
    assert state.conclusion.comparisons[0].of == "model"
    assert (state.left, state.settled) == (("0", "1"), False)


def test_other_images_are_not_compared() -> None:
    arms = drawn(0.80, 0.7)
    state = compare_sequentially(arms, {"0": "a", "1": "b"}, tried=dict.fromkeys(arms, 10))
    assert (state.taken, state.next) == (1, None)
    assert state.conclusion is not None
    assert not state.conclusion.same_images


def test_an_arm_that_another_leader_beat_is_worse_than_that_one() -> None:
    early, late = drawn(0.82, 0.81, 0.70), drawn(0.76, 0.83, 0.70)
    arms = {
        arm: {seed: (early if seed < 3 else late)[arm][seed] for seed in range(10)} for arm in early
    }
    state = up_to(arms, 4)
    assert state.conclusion is not None
    assert state.conclusion.reference == "1"
    text = " ".join(sentences(state.conclusion))
    assert "1 has the highest mean accuracy of the 2 left of 3" in text
    assert "1 is not distinguishable from 0 (" in text
    assert "0 is better than 2 (by" in text
    assert "shown with 3 seeds each)" in text
    assert "No setting is shown to be the best." in text


@pytest.mark.slow
def test_simulated_zoo_needs_a_third_fewer_trainings_or_better() -> None:
    zoo = FIELDS[0]
    found = rates(zoo, 60, np.random.default_rng(1))
    assert found.power >= 0.8
    assert found.trainings <= 0.7 * 13 * fixed_seeds(13, zoo.seed_sd, found.power)


@pytest.mark.slow
@pytest.mark.parametrize("field", [FIELDS[6], FIELDS[7], FIELDS[9]], ids=lambda field: field.title)
def test_simulated_errors_stay_within_five_percent(field) -> None:  # type: ignore[no-untyped-def]
    found = rates(field, 60, np.random.default_rng(2))
    assert found.false * 60 <= 6  # 3 are expected at most; two standard deviations are 3.4
    assert found.missed * 60 <= 6

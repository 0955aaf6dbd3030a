from __future__ import annotations

import numpy as np

from cifarkit.evaluation.comparison import Comparison, Conclusion, Runs, Score, compare
from cifarkit.evaluation.wording import sentences
from tests.evaluation.simulated import from_patterns, simulate
from tests.evaluation.test_comparison import THREE, gain


def named(arms: dict[str, Runs], *names: str) -> dict[str, Runs]:
    return dict(zip(names, arms.values(), strict=True))


def test_one_run_each_speaks_of_models_alone() -> None:
    written = sentences(
        compare(named(THREE, "dropout 0.25", "dropout 0.5", "dropout 0.15")),
        seeds_needed="Six seeds would do.",
    )
    assert written == (
        "On 1,000 test images, one trained model each, dropout 0.25 has the highest accuracy of 3: "
        "0.920.",
        "As trained models, dropout 0.25 is better than dropout 0.15 (by 7.0 percentage points, "
        "5.1 to 8.9).",
        "As trained models, dropout 0.25 is not distinguishable from dropout 0.5 (difference "
        "1.0 percentage point, -0.7 to 2.7).",
        "Intervals are 95% intervals, for all 3 pairs at once, over other images.",
        "These comparisons say nothing about the settings: other seeds could turn them round.",
        "Six seeds would do.",
    )
    assert not any("best" in sentence for sentence in written)


def test_several_seeds() -> None:
    written = sentences(compare(named(gain(6), "a", "b")))
    assert written[0].startswith(
        "On 2,000 test images, 6 seeds each, b has the highest mean accuracy of 2: 0.8"
    )
    assert written[1].startswith("B is better than a (by ")
    assert written[2:] == (
        "So b is the best of these 2.",
        "Intervals are 95% intervals, over other seeds and other images.",
    )


def test_equal_and_not_distinguishable_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    arms = simulate(rng, accuracies=(0.83, 0.83), images=20_000, seeds=8)
    written = sentences(compare(arms))
    assert "is equal within 1 percentage point to" in written[1]
    assert written[2] == "No setting is shown to be the best."
    assert "is not distinguishable from" in sentences(compare(arms), equivalence=0.001)[1]


def test_a_difference_may_be_sure_and_small() -> None:
    models = from_patterns([(90_000, "11"), (300, "10"), (100, "01"), (9600, "00")])
    assert sentences(compare(models))[1] == (
        "As trained models, 0 is better than 1 (by 0.2 percentage points, 0.2 to 0.2; equal "
        "within 1 percentage point)."
    )


def test_missing_and_uneven_arms() -> None:
    arms: dict[str, Runs] = dict(gain(3))
    arms["0"] = {0: arms["0"][0]}
    arms |= {"a": {}, "b": {}, "c": {9: arms["0"][0]}}
    written = sentences(compare(arms))
    assert "1 to 3 seeds each, 1 has the highest mean accuracy of 3" in written[0]
    assert written[1].startswith("As trained models, 1 is ")
    assert written[-1] == "A and b have no finished run and are left out."


def test_models_among_settings() -> None:
    arms = gain(3)
    written = " ".join(sentences(compare({**arms, "c": {9: arms["0"][0]}})))
    assert "over other seeds and other images (of trained models, over other images)." in written
    assert "Comparisons of trained models say nothing about the settings" in written
    over_splits = sentences(compare(arms), vary_split=True)[-1]
    assert over_splits.endswith("over other seeds, other splits and other images.")


def test_a_shared_first_place() -> None:
    right = np.array([True, True, False])
    written = sentences(compare({"a": {0: right}, "b": {0: right[::-1].copy()}, "c": {0: ~right}}))
    assert "a and b share the highest accuracy of 3: 0.667" in written[0]


def test_a_model_that_lost_to_one_of_lower_mean() -> None:
    scores = (Score("a", 0.9, 0.8, 1, 2, 100), Score("b", 0.89, 0.8, 1, 1, 100))
    found = Comparison("b", "a", 0.03, 0.01, 0.05, "model", 1)
    assert sentences(Conclusion(scores, "a", (found,)))[1] == (
        "As trained models, a is worse than b (by 3.0 percentage points, 1.0 to 5.0)."
    )


def test_different_images() -> None:
    few, many = np.ones(4, np.bool_), np.array([True] * 6 + [False] * 2)
    written = sentences(compare({"2 classes": {0: few}, "4 classes": {0: many}}))
    # Wilson: 4 of 4 from 4 / (4 + 3.8415); 6 of 8: 0.409 to 0.929.
    assert written == (
        "The settings were scored on different test images, so no comparison between them is "
        "defined; their accuracies, each by itself with its 95% interval: "
        "2 classes: 1.000 (0.510 to 1.000 for the model, 4 images); "
        "4 classes: 0.750 (0.409 to 0.929 for the model, 8 images).",
    )


def test_nothing_to_compare() -> None:
    assert sentences(compare({"a": {}})) == (
        "No setting has a finished run: there is nothing to conclude.",
    )
    assert sentences(compare({"a": {0: np.ones(4, np.bool_)}, "b": {}})) == (
        "Accuracy on test images, with its 95% interval: a: 1.000 (0.510 to 1.000 for the model, "
        "4 images).",
        "Nothing was compared.",
        "B has no finished run and is left out.",
    )


def test_no_digit_contradicts_the_verdict() -> None:
    scores = (Score("a", 0.9, 0.9, 0.9, 1, 10**6), Score("b", 0.9, 0.9, 0.9, 1, 10**6))
    close = Comparison("b", "a", -0.0011, -0.002, -0.0002, "model", 1)
    assert (
        "(by 0.11 percentage points, 0.02 to 0.20;"
        in sentences(Conclusion(scores, "a", (close,)))[1]
    )

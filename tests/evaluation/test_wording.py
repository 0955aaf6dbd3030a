from __future__ import annotations

import numpy as np

from cifarkit.evaluation.comparison import Comparison, Conclusion, Runs, Score, compare
from cifarkit.evaluation.wording import sentences
from tests.evaluation.simulated import simulate
from tests.evaluation.test_comparison import THREE, gain


def test_one_run_each() -> None:
    labels = dict(zip(("0.25", "0.5", "0.15"), THREE.values(), strict=True))
    assert sentences(compare(labels), axis="dropout") == (
        "On 1,000 test images, one trained model per arm, dropout 0.25 scored highest "
        "(accuracy 0.920).",
        "As trained models, 0.25 is better than 0.15 (difference +0.070, 95% interval +0.054 to "
        "+0.086, p < 0.001).",
        "0.25 is not distinguishable from 0.5 (difference +0.010, 95% interval -0.004 to +0.024, "
        "p = 0.2).",
        "The data do not single out a best one.",
        "p is adjusted for 3 comparisons (Holm).",
        "Each comparison is of these two trained models (exact McNemar test), not of their "
        "settings, which other seeds could rank otherwise.",
    )


def test_a_best_trained_model() -> None:
    written = sentences(compare({arm: runs for arm, runs in THREE.items() if arm != "1"}))
    assert written[2] == "The data single out 0 as the best of 2 trained models."


def test_a_reference_that_was_given() -> None:
    written = sentences(compare(THREE, reference="1"), split="validation")
    assert written[:3] == (
        "On 1,000 validation images, one trained model per arm, the reference is 1 "
        "(accuracy 0.910).",
        "As trained models, worse than 1: 2 (difference -0.060, 95% interval -0.075 to -0.045, "
        "p < 0.001).",
        "Not distinguishable from 1: 0 (difference +0.010, 95% interval -0.004 to +0.024, "
        "p = 0.2).",
    )


def test_several_seeds() -> None:
    written = sentences(compare(gain(6)))
    assert written[0].startswith("On 2,000 test images, 6 seeds per arm, 1 scored highest (mean ")
    assert written[1].startswith("1 is better than 0 (difference +0.0")
    assert written[1].endswith("p = 0.031).")
    assert written[2] == "The data single out 1 as the best of 2."
    assert written[3].startswith("Seeds are paired;")
    assert len(written) == 4  # nothing of trained models, of Holm, or of seeds that are wanting


def test_too_few_seeds() -> None:
    assert sentences(compare(gain(5)))[-1] == (
        "5 seeds cannot show a difference at the 5% level: at least 6 are needed."
    )
    arms = simulate(np.random.default_rng(0), accuracies=(0.9, 0.7, 0.7), images=99, seeds=3)
    assert sentences(compare(arms))[-1] == (
        "3 seeds cannot show a difference at the 5% level over 3 comparisons: at least 7 are "
        "needed."
    )


def test_missing_and_uneven_arms() -> None:
    arms: dict[str, Runs] = dict(gain(3))
    arms["0"] = {0: arms["0"][0]}
    arms |= {"a": {}, "b": {}, "c": {9: arms["0"][0]}}
    written = sentences(compare(arms, reference="1"))
    assert "1 to 3 seeds per arm" in written[0]
    assert written[-2:] == (
        "c has no seed in common with 1 and is not compared with it.",
        "a and b have no finished run and are left out.",
    )


def test_a_shared_first_place() -> None:
    right = np.array([True, True, False])
    written = sentences(compare({"a": {0: right}, "b": {0: right[::-1].copy()}, "c": {0: ~right}}))
    assert "a and b scored highest (accuracy 0.667)" in written[0]
    assert "b (difference 0, 95% interval" in written[1]


def test_different_images() -> None:
    few, many = np.ones(4, np.bool_), np.array([True] * 6 + [False] * 2)
    written = sentences(compare({"2": {0: few}, "4": {0: many, 1: many}}), axis="classes")
    # Wilson: 4 of 4 from 4 / (4 + 3.8415); 6 of 8: 0.409 to 0.929.
    assert written == (
        "The arms were scored on different test images, so no comparison between them is "
        "defined; their accuracies, each by itself with its 95% interval: "
        "classes 2 1.000 (0.510 to 1.000, 4 images); "
        "classes 4 0.750 (mean of 2 seeds, 0.409 to 0.929, 8 images).",
    )


def test_nothing_to_compare() -> None:
    assert sentences(compare({"a": {}})) == (
        "No arm has a finished run: there is nothing to conclude.",
    )
    assert sentences(compare({"a": {0: np.ones(4, np.bool_)}, "b": {}}, reference="b")) == (
        "Accuracy on test images, with its 95% interval: a 1.000 (0.510 to 1.000, 4 images).",
        "Nothing was compared.",
        "b has no finished run and is left out.",
    )


def test_no_digit_contradicts_the_verdict() -> None:
    scores = (Score("a", 0.9, 0.9, 0.9, 1, 10**6), Score("b", 0.9, 0.9, 0.9, 1, 10**6))
    close = Comparison("b", "a", -0.0011, -0.002, -0.0002, 0.0499, 0.0499, "worse", "models", 1)
    written = sentences(Conclusion(scores, "a", True, (close,), family=1))
    assert "difference +0.0011, 95% interval +0.0002 to +0.0020, p = 0.0499)" in written[1]

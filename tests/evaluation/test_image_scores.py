"""Likelihood, Brier score and calibration error: by hand, by scikit-learn, and their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss  # type: ignore[import-untyped]

from benchmarks.metric_intervals import calibration as calibration_coverage
from cifarkit.evaluation.calibration import calibration
from cifarkit.evaluation.image_scores import bootstrap_intervals, image_scores


def test_by_hand() -> None:
    table = np.array([[0.5, 0.25, 0.25], [0, 1, 0]])
    found = image_scores([0, 0], [0, 1], 3, table).metrics()
    # (0.5^2 + 0.25^2 + 0.25^2 + 1 + 1) / 2; balanced: one class, one of its two images right.
    assert found["brier"] == pytest.approx((0.375 + 2) / 2)
    assert found["balanced_accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx(2 / 3)
    # The first is right with 0.5, the second wrong with 1.
    assert found["ece"] == pytest.approx((0.5 + 1) / 2)


def test_a_probability_of_zero_is_counted_as_the_smallest_of_its_type() -> None:
    scores = image_scores([0, 1], [0, 0], 2, np.array([[1, 0], [1, 0]], np.float16))
    assert scores.zeros == 1
    assert scores.metrics()["nll"] == pytest.approx(24 * math.log(2) / 2)


def test_without_probabilities_nothing_is_made_up() -> None:
    scores = image_scores([0, 1], [0, 0], 2, None)
    assert (
        set(scores.metrics())
        == set(bootstrap_intervals(scores))
        == {
            "balanced_accuracy",
            "macro_f1",
        }
    )


def test_a_network_without_errors_is_not_known_to_be_perfect() -> None:
    intervals = bootstrap_intervals(image_scores([0, 1] * 10, [0, 1] * 10, 2, None))
    assert intervals.keys() == {"balanced_accuracy"}
    assert 0.8 < intervals["balanced_accuracy"].low < 0.9


@given(st.integers(0, 2**32 - 1))
def test_against_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(4), size=60)
    labels = rng.integers(0, 4, size=60)
    found = image_scores(labels, table.argmax(axis=1), 4, table).metrics()
    assert found["nll"] == pytest.approx(log_loss(labels, table, labels=range(4)))
    brier = brier_score_loss(labels, table, labels=range(4), scale_by_half=False)
    assert found["brier"] == pytest.approx(brier)
    assert found["ece"] == pytest.approx(calibration(labels, table).expected_error)


def drawn(rng: np.random.Generator, images: int, over: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidences from 0.5 to 1 of two classes, and labels: right with confidence - `over`."""
    confidence = rng.uniform(0.5, 1, images)
    table = np.stack([confidence, 1 - confidence], axis=1)
    return (rng.random(images) >= confidence - over).astype(np.int64), table


@pytest.mark.parametrize("over", [0.0, 0.1])
def test_the_interval_of_the_calibration_error(over: float) -> None:
    """It covers 0 for a calibrated network, which percentiles never do, and another's 0.1.

    `benchmarks.metric_intervals` in small.
    """
    ours, percentiles = calibration_coverage(400, over, draws=60, replicates=100)
    assert ours >= 0.85
    assert ours > percentiles


def test_the_intervals_are_the_same_every_time_and_of_the_size_that_theory_gives() -> None:
    labels, table = drawn(np.random.default_rng(0), 1000, 0)
    scores = image_scores(labels, np.zeros(1000, int), 2, table)
    assert bootstrap_intervals(scores) == bootstrap_intervals(scores)
    assert scores.losses is not None
    interval = bootstrap_intervals(scores)["nll"]
    half = 1.96 * scores.losses.std() / math.sqrt(1000)
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.1)

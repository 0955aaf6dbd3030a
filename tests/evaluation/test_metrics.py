from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import top_k_accuracy_score  # type: ignore[import-untyped]

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.metrics import accuracy, top_k_accuracy, wilson_interval


def test_accuracy_by_hand() -> None:
    # Right, right, wrong, and 7, which is no class: 2 of 4.
    assert accuracy([0, 1, 2, 3], [0, 1, 0, 7]) == 0.5


def test_top_k_by_hand() -> None:
    # The labels' ranks are first, second, third.
    probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], np.float16)
    labels = np.array([0, 1, 2], np.int32)
    assert [top_k_accuracy(labels, probabilities, k) for k in (1, 2, 3, 9)] == [1 / 3, 2 / 3, 1, 1]


def test_equal_probabilities_rank_by_output() -> None:
    # All four outputs tie: class 0 ranks first and class 3 last.
    tied = np.full((4, 4), 0.25, np.float16)
    assert [top_k_accuracy([0, 1, 2, 3], tied, k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1]


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float16, np.float32]))
def test_top_1_is_the_accuracy_of_argmax_and_top_k_grows(
    seed: int, dtype: type[np.floating]
) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(6, 0.1), size=20).astype(dtype)  # float16: many exact zeros
    labels = rng.integers(0, 6, size=20)
    scores = [top_k_accuracy(labels, table, k) for k in range(1, 7)]
    assert scores[0] == accuracy(labels, table.argmax(axis=1))
    assert scores == sorted(scores)
    assert scores[-1] == 1


def test_top_k_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(10), size=500)  # float64: no ties
    labels = rng.integers(0, 10, size=500)
    for k in (1, 3, 5):
        assert top_k_accuracy(labels, table, k) == pytest.approx(
            top_k_accuracy_score(labels, table, k=k)
        )


def test_wilson_by_hand() -> None:
    # 5 of 10, z^2 = 3.8415: centre (0.5 + 0.19207) / 1.38415 = 0.5,
    # half 1.96 / 1.38415 * sqrt(0.025 + 0.0096036) = 0.26341.
    interval = wilson_interval(5, 10)
    assert (interval.low, interval.high) == pytest.approx((0.23659, 0.76341), abs=1e-5)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_against_scipy(images: int, share: float) -> None:
    correct = round(share * images)
    expected = binomtest(correct, images).proportion_ci(method="wilson")
    interval = wilson_interval(correct, images)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= interval.low <= correct / images <= interval.high <= 1


def test_the_published_accuracy_is_known_to_within_0_8_points() -> None:
    interval = wilson_interval(0.84 * 8000, 8000)
    assert (interval.high - interval.low) / 2 == pytest.approx(0.008, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy([0, 1], [0]), "2 labels but 1 predictions"),
        (lambda: accuracy([], []), r"labels: expected shape \(n,\) with n > 0, got \(0,\)"),
        (lambda: accuracy([[0]], [[0]]), r"got \(1, 1\)"),
        (lambda: accuracy([0.0], [0]), "labels: expected integers, got float64"),
        (lambda: accuracy([0], [-1]), "predictions: expected classes from 0, got -1"),
        (lambda: top_k_accuracy([0], [[1.0]], 0), "k of at least 1, got 0"),
        (lambda: top_k_accuracy([0, 0], [[1.0]], 1), r"\(2, outputs\), got \(1, 1\)"),
        (lambda: top_k_accuracy([2], [[0.5, 0.5]], 1), "label 2 has no column among 2"),
        (lambda: top_k_accuracy([0], [[float("nan")]], 1), "expected 0..1, got nan"),
        (lambda: top_k_accuracy([0], [[3.0, -2.0]], 1), "expected 0..1, got -2..3"),
        (lambda: top_k_accuracy([0], [[1, 0]], 1), "expected floating point, got int64"),
        (lambda: wilson_interval(3, 2), "got 3 of 2"),
        (lambda: wilson_interval(0, 0), "got 0 of 0"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call()

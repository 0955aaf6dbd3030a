from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix  # type: ignore[import-untyped]

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.confusion import (
    ConfusedPair,
    confusion,
    most_confused,
)

#          label:  0 0 0 1 1 2 2 2
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2], np.int32)
PREDICTED = np.array([0, 1, 5, 0, 1, 2, 1, 9], np.int32)


def test_by_hand_with_outputs_that_are_no_class() -> None:
    found = confusion(LABELS, PREDICTED, 4)
    assert found.counts.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert found.outside.tolist() == [1, 0, 1, 0]
    assert found.predicted.tolist() == [2, 3, 1, 0]


def test_most_confused_pairs_by_hand() -> None:
    # {0, 1}: one each way; {1, 2}: 2 was taken for 1 once. {0, 2} was never confused.
    found = confusion(LABELS, PREDICTED, 3)
    pairs = most_confused(found, 10)
    assert pairs == (ConfusedPair(0, 1, 1, 1), ConfusedPair(1, 2, 0, 1))
    assert [pair.total for pair in pairs] == [2, 1]
    assert most_confused(found, 1) == pairs[:1]
    assert most_confused(found, 0) == ()


def test_equal_totals_are_in_the_order_of_the_labels() -> None:
    found = confusion([3, 2, 1, 0], [2, 3, 0, 1], 4)
    assert [(pair.first, pair.second) for pair in most_confused(found, 5)] == [(0, 1), (2, 3)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_against_scikit_learn(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, size=60)
    predictions = rng.integers(0, classes + 2, size=60)
    found = confusion(labels, predictions, classes)
    expected = confusion_matrix(labels, predictions, labels=range(classes + 2))[:classes]
    np.testing.assert_array_equal(found.counts, expected[:, :classes])
    np.testing.assert_array_equal(found.outside, expected[:, classes:].sum(axis=1))
    np.testing.assert_array_equal(found.images, np.bincount(labels, minlength=classes))
    pairs = most_confused(found, 100)
    off_diagonal = found.counts.sum() - found.correct.sum()
    assert sum(pair.total for pair in pairs) == off_diagonal
    assert [pair.total for pair in pairs] == sorted((p.total for p in pairs), reverse=True)


def test_a_label_that_is_no_class_is_refused() -> None:
    with pytest.raises(InvalidInput, match="label 3 is not one of 3 classes"):
        confusion([3], [0], 3)

"""Precision, recall and F1 by hand, against scikit-learn, and the coverage of F1's interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import (  # type: ignore[import-untyped]
    balanced_accuracy_score,
    f1_score,
    precision_recall_fscore_support,
)

from benchmarks.metric_intervals import balanced, f1
from cifarkit.evaluation.class_scores import (
    Estimate,
    balanced_interval,
    class_means,
    class_scores,
)
from cifarkit.evaluation.confusion import confusion


def value(found: Estimate | None) -> float | None:
    return found.value if found else None


def test_by_hand() -> None:
    # Class 0: 3 images, 1 of them right, 2 predicted. Class 3 has no image, and is predicted once.
    found = confusion([0, 0, 0, 1, 1], [0, 1, 5, 0, 3], 5)
    scores = class_scores(found)
    assert [value(one.recall) for one in scores] == [1 / 3, 0, None, None, None]
    assert [value(one.precision) for one in scores] == [1 / 2, 0, None, 0, None]
    assert [value(one.f1) for one in scores] == [2 / 5, 0, None, None, None]
    assert [one.predicted for one in scores] == [2, 1, 0, 1, 0]
    assert class_means(found.images, found.predicted, found.correct) == (1 / 6, 1 / 5)


def test_the_intervals_of_all_classes_hold_at_once() -> None:
    # Three classes have an image or a prediction: each interval is Wilson's at 1 - 0.05 / 3.
    one = class_scores(confusion([0] * 10 + [1] * 10, [0] * 8 + [1] * 11 + [2], 4))[0]
    assert one.recall is not None
    assert one.f1 is not None
    expected = binomtest(8, 10).proportion_ci(1 - 0.05 / 3, method="wilson")
    assert (one.recall.interval.low, one.recall.interval.high) == pytest.approx(tuple(expected))
    jaccard = np.array(binomtest(8, 10).proportion_ci(1 - 0.05 / 3, method="wilson"))
    assert (one.f1.interval.low, one.f1.interval.high) == pytest.approx(
        tuple(2 * jaccard / (1 + jaccard))
    )


@given(st.integers(0, 2**32 - 1), st.integers(2, 7))
def test_against_scikit_learn(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(rng.permutation(classes)[: max(1, classes - 1)], size=40)
    predictions = rng.integers(0, classes, size=40)
    found = confusion(labels, predictions, classes)
    precision, recall, f1s, _ = precision_recall_fscore_support(
        labels, predictions, labels=range(classes), zero_division=0
    )
    for one in class_scores(found):
        pairs = ((one.recall, recall), (one.precision, precision), (one.f1, f1s))
        for estimate, theirs in pairs:
            assert (value(estimate) or 0) == pytest.approx(theirs[one.label])
            if estimate is not None:
                assert estimate.interval.low <= estimate.value <= estimate.interval.high
    mean_recall, macro = class_means(found.images, found.predicted, found.correct)
    assert mean_recall == pytest.approx(recall[found.images > 0].mean())
    present = np.unique(labels)
    assert macro == pytest.approx(
        f1_score(labels, predictions, labels=present, average="macro", zero_division=0)
    )
    if set(predictions) <= set(present.tolist()):
        assert mean_recall == pytest.approx(balanced_accuracy_score(labels, predictions))


@pytest.mark.parametrize("fixed", [True, False])
def test_the_interval_of_f1_covers_it(fixed: bool) -> None:
    """`benchmarks.metric_intervals` in small, as are the next ones."""
    assert f1(30, fixed, draws=600) > 0.96


def test_the_interval_of_balanced_accuracy() -> None:
    """Of one class it is Wilson's; of ten it covers the truth, also near 1."""
    wilson = binomtest(10, 10).proportion_ci(method="wilson")
    one = balanced_interval(np.array([10, 0]), np.array([10, 0]))
    assert (one.low, one.high) == pytest.approx((wilson.low, wilson.high))
    assert balanced((10, 40), (0.98, 0.85), draws=600) > 0.93

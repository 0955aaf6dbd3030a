"""Kendall's tau of two orders by hand, and its bootstrap against SciPy on repeated values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.rank_agreement import rank_agreement, resampled


def test_by_hand() -> None:
    # Of 10 pairs, 8 are in the same order and 2 are not.
    found = rank_agreement([1, 2, 3, 4, 5], [2, 1, 3, 5, 4])
    assert found.tau == pytest.approx((8 - 2) / 10)
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low < found.tau < found.high <= 1


@pytest.mark.parametrize(("second", "tau"), [([1, 2, 3, 4, 5], 1), ([5, 4, 3, 2, 1], -1)])
def test_the_same_and_the_opposite_order(second: list[float], tau: float) -> None:
    found = rank_agreement([1, 2, 3, 4, 5], second)
    assert (found.tau, found.low, found.high) == pytest.approx((tau, tau, tau))


def test_few_have_no_interval_and_one_no_tau() -> None:
    assert rank_agreement([1, 2, 3, 4], [1, 2, 4, 3]).low is None
    assert np.isnan(rank_agreement([1, 1], [1, 2]).tau)
    with pytest.raises(InvalidInput, match="two orders of 2 or more"):
        rank_agreement([1], [1])


def test_a_resample_is_scipys_tau_of_repeated_values() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 6, 8), rng.integers(0, 6, 8)
    drawn = rng.multinomial(8, np.full(8, 1 / 8), 50).astype(float)
    expected = [
        kendalltau(np.repeat(first, counts.astype(int)), np.repeat(second, counts.astype(int)))
        for counts in drawn
    ]
    np.testing.assert_allclose(
        resampled(first.tolist(), second.tolist(), drawn), [one.statistic for one in expected]
    )

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from cifarkit.evaluation.mcnemar import discordant, mcnemar_p, paired_interval

COUNTS = st.integers(0, 300)


def test_discordant_by_hand() -> None:
    first = np.array([True, True, True, False, False])
    second = np.array([True, False, False, True, False])
    assert discordant(first, second) == (2, 1)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (5, 0, 2 / 32),  # 2 * (1/2)^5
        (0, 6, 2 / 64),
        (1, 4, 2 * (1 + 5) / 32),  # 2 * (C(5,0) + C(5,1)) / 2^5
        (3, 3, 1.0),
    ],
)
def test_p_by_hand(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar_p(only_first, only_second) == pytest.approx(p)


@given(COUNTS, COUNTS)
def test_p_is_twice_the_smaller_tail_and_symmetric(b: int, c: int) -> None:
    expected = min(1.0, 2 * float(binom.cdf(min(b, c), b + c, 0.5)))
    assert mcnemar_p(b, c) == pytest.approx(expected)
    assert mcnemar_p(b, c) == pytest.approx(mcnemar_p(c, b))


def test_interval_against_a_published_implementation() -> None:
    # diffpropci.mp(b = 40, c = 20, n = 160) of the R package PropCIs, whose sign is c - b:
    # -0.21601726 to -0.03089632.
    interval = paired_interval(40, 20, 160)
    assert (interval.low, interval.high) == pytest.approx((0.03089632, 0.21601726), abs=1e-7)


def test_interval_without_discordant_images_is_not_a_point() -> None:
    # sqrt(1 / 102) / sqrt(102) * 1.96 = 1.96 / 102
    interval = paired_interval(0, 0, 100)
    assert (interval.low, interval.high) == pytest.approx((-0.019215, 0.019215), abs=1e-6)


@given(COUNTS, COUNTS, st.integers(0, 1000))
def test_interval_changes_sign_with_the_order(b: int, c: int, concordant: int) -> None:
    images = max(1, b + c + concordant)
    forth, back = paired_interval(b, c, images), paired_interval(c, b, images)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))
    assert -1 <= forth.low <= forth.high <= 1

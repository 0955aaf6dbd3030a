from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar

from cifarkit.evaluation.mcnemar import discordant, paired_interval

COUNTS = st.integers(0, 300)


def test_discordant_by_hand() -> None:
    first = np.array([True, True, True, False, False])
    second = np.array([True, False, False, True, False])
    assert discordant(first, second) == (2, 1)


def test_interval_against_published_implementations() -> None:
    # diffpropci.mp(b = 40, c = 20, n = 160) of the R package PropCIs, whose sign is c - b:
    # -0.21601726 to -0.03089632. The exact interval reaches further down.
    interval = paired_interval(40, 20, 160)
    exact = binomtest(40, 60).proportion_ci(0.95)
    assert interval.high == pytest.approx(0.21601726, abs=1e-7)
    assert interval.low == pytest.approx(60 / 160 * (2 * exact.low - 1))
    assert interval.low < 0.03089632


@pytest.mark.parametrize(("only_second", "excludes"), [(5, False), (6, True)])
def test_five_discordant_images_show_nothing(only_second: int, excludes: bool) -> None:
    """McNemar's exact p is 2 / 2^5 and 2 / 2^6."""
    assert (paired_interval(0, only_second, 10_000).high < 0) == excludes


@given(COUNTS, COUNTS, st.sampled_from([0.05, 0.001]))
def test_excludes_zero_only_where_mcnemars_exact_test_rejects(b: int, c: int, level: float) -> None:
    interval = paired_interval(b, c, 1000, level)
    if interval.low > 0 or interval.high < 0:
        assert mcnemar([[0, b], [c, 0]], exact=True).pvalue <= level


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

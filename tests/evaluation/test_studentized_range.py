from __future__ import annotations

from math import inf, sqrt

import pytest
from scipy.stats import studentized_range, t

from cifarkit.evaluation.studentized_range import critical_value


@pytest.mark.parametrize("level", [0.2, 0.05, 0.001])
@pytest.mark.parametrize("df", [1.5, 3.3, 10, 400, inf])
@pytest.mark.parametrize("arms", [2, 5, 13])
def test_as_scipy(arms: int, df: float, level: float) -> None:
    expected = studentized_range.isf(level, arms, df) / sqrt(2)
    assert critical_value(arms, df, level) == pytest.approx(expected, rel=2e-4)


def test_two_arms_are_students_t() -> None:
    assert critical_value(2, 4) == pytest.approx(t.isf(0.025, 4), rel=1e-4)


def test_published_table() -> None:
    """q(0.05; 5, 10) is 4.65 in every table of the studentized range."""
    assert critical_value(5, 10) * sqrt(2) == pytest.approx(4.65, abs=0.005)

from __future__ import annotations

import pytest
from statsmodels.stats.power import TTestIndPower

from cifarkit.evaluation.power import power, run_deviation, seeds_needed


def test_run_deviation_by_hand() -> None:
    # 0.3 points of seeds and 0.064 / 8000 of images: 9e-6 + 8e-6.
    assert run_deviation(0.003, 0.128, 8000) == pytest.approx(17e-6**0.5)


@pytest.mark.parametrize("seeds", [3, 6, 20])
def test_two_settings_as_statsmodels(seeds: int) -> None:
    """Which also counts the chance of a difference with the wrong sign; it is none here."""
    expected = TTestIndPower().power(0.01 / 0.004, nobs1=seeds, alpha=0.05)
    assert power(0.01, 0.004, seeds, 2) == pytest.approx(expected, abs=1e-3)


def test_as_simulated() -> None:
    """benchmarks/comparison_rules.py: 6 seeds, 5 arms, seed sd 0.3 points, 8,000 images."""
    run_sd = run_deviation(0.003, 0.128, 8000)
    assert power(0.01, run_sd, 6, 5) == pytest.approx(0.77, abs=0.03)
    assert power(0.02, run_sd, 6, 5) > 0.99


def test_seeds_needed() -> None:
    assert seeds_needed(0.02, 0.004, 5) == 3
    more = seeds_needed(0.01, 0.004, 13)
    assert more is not None
    assert power(0.01, 0.004, more, 13) >= 0.8 > power(0.01, 0.004, more - 1, 13)
    assert seeds_needed(0.0001, 0.004, 5) is None

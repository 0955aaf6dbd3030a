from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from cifarkit.evaluation.paired_tests import (
    crossed_intervals,
    crossed_variance,
    seeds_needed,
    seeds_p,
    sign_flip_p,
)

Differences = NDArray[np.int8]
DIFFERENCES = st.tuples(st.integers(2, 6), st.integers(1, 30)).flatmap(
    lambda shape: arrays(np.int8, shape, elements=st.integers(-1, 1))
)


def of_sums(*sums: int) -> Differences:
    """One row for each sum, of ten images."""
    rows = np.zeros((len(sums), 10), np.int8)
    for row, total in zip(rows, sums, strict=True):
        row[: abs(total)] = np.sign(total)
    return rows


@pytest.mark.parametrize(
    ("sums", "p"),
    [
        ((1, 2, 3), 2 / 8),  # only +++ and --- reach 6
        ((-1, 2, 3), 4 / 8),  # sum 4: +++ (6), -++ (4) and their mirror images
        ((1, 1, -1, -1), 1.0),
        ((0, 0), 1.0),
        ((1, 1, 1, 1, 1, 1), 2 / 64),  # six seeds are enough for 5%
        ((9, 9, 9, 9, 9), 2 / 32),  # and five are not, whatever the difference
    ],
)
def test_sign_flip_by_hand(sums: tuple[int, ...], p: float) -> None:
    assert sign_flip_p(of_sums(*sums)) == p


@given(DIFFERENCES)
def test_sign_flip_is_the_share_of_all_patterns(differences: Differences) -> None:
    sums = differences.sum(axis=1, dtype=int)
    patterns = [
        abs(sum(s * d for s, d in zip(signs, sums, strict=True)))
        for signs in product((1, -1), repeat=len(sums))
    ]
    assert sign_flip_p(differences) == np.mean([total >= abs(sums.sum()) for total in patterns])


def test_random_patterns_agree_with_all_patterns_and_never_give_0() -> None:
    # A seed without a difference leaves p as it is, but takes 16 seeds to 17, which are sampled.
    sums = (3, -1, 2, 2, -1, 1, 0, 2, 1, -2, 3, 1, 0, 1, -1, 2)
    assert sign_flip_p(of_sums(*sums, 0)) == pytest.approx(sign_flip_p(of_sums(*sums)), abs=0.004)
    assert sign_flip_p(of_sums(*[5] * 30)) == 2.0**-16


@pytest.mark.parametrize(
    ("comparisons", "seeds"), [(1, 6), (2, 7), (3, 7), (4, 8), (6, 8), (10, 9)]
)
def test_seeds_needed(comparisons: int, seeds: int) -> None:
    assert seeds_needed(comparisons, 0.05) == seeds
    assert comparisons * 2 / 2**seeds < 0.05 <= comparisons * 2 / 2 ** (seeds - 1)


def test_crossed_variance_by_hand() -> None:
    # Two seeds, two images, differences [[1, 0], [0, 0]]. One seed is drawn, and two images: the
    # first seed (1/2) gives the mean 1, 1/2 or 0 with probabilities 1/4, 1/2, 1/4; the other 0.
    # E = 1/4, E of squares = 1/2 (1/4 + 1/8) = 3/16, variance 3/16 - 1/16 = 1/8.
    assert crossed_variance(np.array([[1, 0], [0, 0]], np.int8)) == pytest.approx(1 / 8)


def test_the_bootstrap_has_the_variance_of_the_closed_form() -> None:
    rng = np.random.default_rng(1)
    shift = rng.normal(0, 0.03, size=(5, 1))
    differences = (rng.random((5, 400)) < 0.1 + shift).astype(np.int8)
    differences -= (rng.random((5, 400)) < 0.1 - shift).astype(np.int8)
    (interval,) = crossed_intervals([differences])
    width = 2 * 1.96 * np.sqrt(crossed_variance(differences))
    assert interval.high - interval.low == pytest.approx(width, rel=0.08)


@settings(max_examples=30, deadline=None)
@given(DIFFERENCES, st.randoms(use_true_random=False))
def test_swapping_the_settings_changes_the_sign_and_nothing_else(differences, random) -> None:  # type: ignore[no-untyped-def]
    swapped = (-differences).astype(np.int8)
    assert seeds_p(swapped) == pytest.approx(seeds_p(differences))
    forth, back = crossed_intervals([differences, swapped])
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))
    assert forth.low <= forth.high
    images, seeds = list(range(differences.shape[1])), list(range(len(differences)))
    random.shuffle(images)
    random.shuffle(seeds)
    assert seeds_p(differences[seeds][:, images]) == pytest.approx(seeds_p(differences))


def test_p_is_never_below_either_part() -> None:
    # Every seed gains the same two images of ten: the seeds agree, but ten images are too few.
    differences = of_sums(*[2] * 8)
    assert sign_flip_p(differences) == 2 / 2**8
    assert seeds_p(differences) > 0.1


def test_an_interval_depends_on_no_other_pair() -> None:
    rng = np.random.default_rng(2)
    first = rng.integers(-1, 2, size=(3, 50)).astype(np.int8)
    second = rng.integers(-1, 2, size=(5, 50)).astype(np.int8)
    assert crossed_intervals([first, second]) == [
        *crossed_intervals([first]),
        *crossed_intervals([second]),
    ]
    assert crossed_intervals([]) == []

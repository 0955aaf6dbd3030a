from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarkit.evaluation.calibration import BINS, calibration


def test_by_hand() -> None:
    # Confidences 0.75 (right), 0.75 (wrong) lie in (11/15, 12/15]: |0.5 - 0.75| over 2 images;
    # 0.5625 (right) lies in (8/15, 9/15]: |1 - 0.5625| over 1. 1.0 (right) lies in the last: 0.
    # ECE = (2 * 0.25 + 1 * 0.4375 + 0) / 4 = 0.234375.
    probabilities = np.array(
        [[0.75, 0.25], [0.75, 0.25], [0.4375, 0.5625], [1, 0]], dtype=np.float16
    )
    found = calibration([0, 1, 1, 0], probabilities)
    assert found.expected_error == 0.234375
    filled = {i: one for i, one in enumerate(found.bins) if one.images}
    assert {i: (one.images, one.confidence, one.accuracy) for i, one in filled.items()} == {
        8: (1, 0.5625, 1.0),
        11: (2, 0.75, 0.5),
        14: (1, 1.0, 1.0),
    }
    assert found.bins[0].confidence is None
    assert found.bins[0].accuracy is None


def test_a_bin_holds_its_upper_edge() -> None:
    # 0.2 is 3/15; as float64 both are the same number.
    found = calibration([0], np.array([[0.2, 0.2, 0.2, 0.2, 0.2]]))
    assert [one.images for one in found.bins].index(1) == 2


def test_the_bins_cover_0_to_1() -> None:
    found = calibration([0], [[0.0, 0.0]])
    assert len(found.bins) == BINS == 15
    assert (found.bins[0].lower, found.bins[-1].upper) == (0, 1)
    assert all(a.upper == b.lower for a, b in zip(found.bins, found.bins[1:], strict=False))
    assert found.bins[0].images == 1  # a confidence of 0 has no bin of its own


@given(st.integers(0, 2**32 - 1))
def test_it_is_the_mean_gap_of_the_bins_and_ignores_the_order_of_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(4, 0.4), size=50).astype(np.float16)
    labels = rng.integers(0, 4, size=50)
    found = calibration(labels, table)
    gaps = [
        one.images * abs((one.accuracy or 0) - (one.confidence or 0)) / 50 for one in found.bins
    ]
    assert found.expected_error == pytest.approx(sum(gaps))
    assert 0 <= found.expected_error <= 1
    assert sum(one.images for one in found.bins) == 50
    shuffled = rng.permutation(50)
    again = calibration(labels[shuffled], table[shuffled])
    assert again.expected_error == pytest.approx(found.expected_error)

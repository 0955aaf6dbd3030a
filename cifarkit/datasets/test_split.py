"""Draws a test part from data that has none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cifarkit.datasets.dataset import Labels, shuffled

TEST_FRACTION = 0.2
_SEED = 20  # Never change: the test part of a user's data must be the same in every run.


def test_size(count: int) -> int:
    """The number of a class's test images: a fifth, but at least one and not all."""
    return min(max(int(count * TEST_FRACTION + 0.5), 1), count - 1)


def draw_test(labels: Labels) -> npt.NDArray[np.bool_]:
    """`(n,)` bool: the test images, with the same share in every class.

    It depends on the labels alone. Every class must have two images or more.
    """
    chosen = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels).tolist():
        members = np.flatnonzero(labels == label)
        order = shuffled(len(members), _SEED, label)
        chosen[members[order[: test_size(len(members))]]] = True
    return chosen

"""The test part of data that comes without one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cifarkit.datasets.dataset import Labels, shuffled

TEST_FRACTION = 0.2
_SEED = 20  # Fixed, for ever: the test part of a user's data must not change between runs.


def test_size(count: int) -> int:
    """How many of a class's images are test images: a fifth, but neither none nor all."""
    return min(max(int(count * TEST_FRACTION + 0.5), 1), count - 1)


def draw_test(labels: Labels) -> npt.NDArray[np.bool_]:
    """`(n,)`: which images are the test part, the same share of every class.

    It depends on the labels alone. Every class must have two images or more.
    """
    chosen = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels).tolist():
        members = np.flatnonzero(labels == label)
        order = shuffled(len(members), _SEED, label)
        chosen[members[order[: test_size(len(members))]]] = True
    return chosen

"""Random erasing: as often, as large and as long as the paper says, whatever the batch."""

import numpy as np
import pytest

from cifarkit.datasets.erasing import Erasing
from cifarkit.datasets.views import View

BLACK = np.zeros((60, 16, 12, 3), np.uint8)


def test_by_hand() -> None:
    erasing = Erasing(
        np.array([[0, 0, 0, 0], [1, 2, 0, 2]], np.int32),
        np.arange(100, dtype=np.uint8),
        np.array([50, 7]),
    )
    erased = View(BLACK[:2], [erasing])[:]
    assert not erased[0].any()
    assert erased[1, 1, :2].tolist() == [[7, 8, 9], [10, 11, 12]]
    assert np.count_nonzero(erased) == 6
    assert not BLACK.any()


def test_an_image_is_erased_alike_whatever_its_batch() -> None:
    view = View(BLACK, [Erasing.of_view(1, 1, 60, (16, 12), chance=0.5)])
    whole = view[:]
    assert 15 < whole.any(axis=(1, 2, 3)).sum() < 45
    for rows in ([9], [59, 0, 31]):
        np.testing.assert_array_equal(view[np.array(rows)], whole[rows])
    assert not np.array_equal(View(BLACK, [Erasing.of_view(1, 2, 60, (16, 12), chance=0.5)])[:],
                              whole)  # fmt: skip


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_the_distribution(chance: float) -> None:
    erasing = Erasing.of_view(0, 1, 20_000, (64, 64), chance=chance)
    top, bottom, left, right = erasing.boxes.T
    height, width = bottom - top, right - left
    erased = height > 0
    assert erased.mean() == pytest.approx(chance, abs=0.01)
    if not chance:
        return
    assert erasing.boxes.min() >= 0
    assert erasing.boxes.max() <= 64
    area = (height * width)[erased] / 64**2
    assert area.min() > 0.015
    assert area.max() < 0.41
    aspect = (height / np.maximum(width, 1))[erased]
    assert aspect.min() > 0.25
    assert aspect.max() < 4
    assert erasing.noise.mean() == pytest.approx(127.5, abs=2)

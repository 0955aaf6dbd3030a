"""Random erasing: a rectangle of random pixels in some of the training images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

AREA = (0.02, 0.4)  # of the image
ASPECT = (0.3, 1 / 0.3)  # height over width
"""The amounts of Zhong et al. 2020, section 4.1."""


@dataclass(frozen=True, eq=False)
class Erasing:
    """What is erased of each of n images in one view.

    Attributes:
        boxes: (n, 4) int32, the top, bottom, left and right edge in pixels; empty for none.
        noise: (l,) uint8, uniform; longer than an image.
        starts: (n,) int64, where an image's own noise begins.
    """

    boxes: npt.NDArray[np.int32]
    noise: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of_view(
        cls, seed: int, view: int, count: int, size: tuple[int, int], *, chance: float
    ) -> Erasing:
        """The rectangles of `count` images in view number `view` (from 1); views differ.

        As in Zhong et al. 2020, algorithm 1: area and aspect are uniform, and drawn again until the
        rectangle lies within the image; each pixel of it is uniform in 0..255 (their RE-R).

        Args:
            size: Height and width in pixels.
            chance: That of an image to lose a rectangle.
        """
        draw = np.random.default_rng((seed, view, 3))
        boxes = np.zeros((count, 4), np.int32)
        left = np.flatnonzero(draw.random(count) < chance)
        while left.size:
            area = draw.uniform(*AREA, left.size) * size[0] * size[1]
            aspect = draw.uniform(*ASPECT, left.size)
            sides = np.rint(np.sqrt([area * aspect, area / aspect])).astype(np.int32)
            corner = [draw.integers(0, length, left.size, dtype=np.int32) for length in size]
            boxes[left] = np.stack(
                [corner[0], corner[0] + sides[0], corner[1], corner[1] + sides[1]], axis=1
            )
            left = left[(boxes[left, 1] > size[0]) | (boxes[left, 3] > size[1])]
        pixels = 3 * size[0] * size[1]
        noise = draw.integers(0, 256, pixels + 2**16, dtype=np.uint8)
        return cls(boxes, noise, draw.integers(0, 2**16, count))

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All that it depends on."""
        return self.boxes, self.noise, self.starts

    def __call__(self, images: Any, rows: Any) -> npt.NDArray[Any]:
        """Erase in the images of these rows, (b, h, w, 3) uint8, or float32 in 0..255."""
        erased = np.array(images)
        for at, (row, box) in enumerate(zip(rows, self.boxes[rows].tolist(), strict=True)):
            top, bottom, left, right = box
            if bottom > top and right > left:
                shape = (bottom - top, right - left, 3)
                start = self.starts[row]
                erased[at, top:bottom, left:right] = self.noise[
                    start : start + shape[0] * shape[1] * 3
                ].reshape(shape)
        return erased

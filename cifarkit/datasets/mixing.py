"""MixUp and CutMix: training images in pairs, with soft labels.

What an image is mixed with, and by how much, follows from the seed, the number of the view and the
image's row, not from its batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.datasets.loader import order

_WHOLE = 256  # shares are in 256ths, in which a label's share is exactly that of the pixels


@dataclass(frozen=True, eq=False)
class Mixing:
    """With what, and how, each of n images is mixed in one view.

    Attributes:
        partners: (n,) rows; that of the image that follows in the view's order, the first after the
            last. In an epoch, an image is thus mixed with one of its batch, as is usual.
        shares: (n,) uint16 in 0..256: of the image in its mixture; 256 for CutMix.
        boxes: (n, 4) int32, the top, bottom, left and right edge, in pixels, of what is the
            partner's; empty for MixUp.
        weights: (n,) float32 in 0..1: of the image's own label; 1 less this is its partner's.
    """

    partners: npt.NDArray[np.int64]
    shares: npt.NDArray[np.uint16]
    boxes: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]

    @classmethod
    def of_view(
        cls, seed: int, view: int, count: int, size: tuple[int, int], *, mixup: float, cutmix: float
    ) -> Mixing:
        """The mixing of `count` images in view number `view` (from 1); views differ.

        Sources: MixUp, Zhang et al. 2018, equation 1; CutMix, Yun et al. 2019, section 3.1: the
        share is drawn from Beta(alpha, alpha), and a CutMix label weighs as many of the pixels as
        are left of its image once the box is clipped at the border.

        Args:
            size: Height and width in pixels.
            mixup, cutmix: The alphas; 0 for none. If both are given, a fair coin decides which is
                done to an image.
        """
        draw = np.random.default_rng((seed, view, 2))
        followed = order(seed, view, count)
        partners = np.empty(count, np.int64)
        partners[followed] = np.roll(followed, -1)
        cut = np.full(count, bool(cutmix))
        if mixup and cutmix:
            cut = draw.random(count) < 0.5
        shares = np.full(count, _WHOLE, np.uint16)
        if mixup:
            drawn = np.rint(draw.beta(mixup, mixup, count) * _WHOLE).astype(np.uint16)
            shares[~cut] = drawn[~cut]
        boxes = np.zeros((count, 4), np.int32)
        if cutmix:
            side = np.sqrt(1 - draw.beta(cutmix, cutmix, count))
            for axis, length in enumerate(size):
                half = (side * length).astype(np.int32) // 2
                centre = draw.integers(0, length, count, dtype=np.int32)
                boxes[:, 2 * axis] = np.maximum(centre - half, 0)
                boxes[:, 2 * axis + 1] = np.minimum(centre + half, length)
            boxes[~cut] = 0
        top, bottom, left, right = boxes.T
        kept = 1 - (bottom - top) * (right - left) / (size[0] * size[1])
        weights = np.where(cut, kept, shares / _WHOLE).astype(np.float32)
        return cls(partners, shares, boxes, weights)

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All that the mixed images depend on."""
        return self.partners, self.shares, self.boxes

    def __call__(self, images: Any, partners: Any, rows: Any) -> npt.NDArray[Any]:
        """Mix the images of some rows with their partners.

        Args:
            images, partners: (b, h, w, 3) uint8, or float32 in 0..255. Of uint8, a mixture is
                rounded to the nearest.
            rows: (b,), those of `images`.

        Returns:
            An array of the same shape and dtype.
        """
        shares = self.shares[rows][:, None, None, None]
        if (shares == _WHOLE).all():
            mixed = images.copy()
        elif images.dtype == np.uint8:
            # The largest sum, 255 * 256 + 128, fits into 16 bits, which are faster than floats.
            sums = images * shares
            sums += partners * (_WHOLE - shares)
            sums += _WHOLE // 2
            sums >>= 8
            mixed = sums.astype(np.uint8)
        else:
            own = (shares / _WHOLE).astype(np.float32)
            mixed = images * own
            mixed += partners * (1 - own)
        for at, (top, bottom, left, right) in enumerate(self.boxes[rows].tolist()):
            if bottom > top and right > left:
                mixed[at, top:bottom, left:right] = partners[at, top:bottom, left:right]
        return np.asarray(mixed)


class SoftLabels:
    """The labels of mixed images, computed for the rows that are read.

    Args:
        labels: (n,) int32.
        outputs: The width of a soft label.
    """

    def __init__(self, labels: np.ndarray, mixing: Mixing, outputs: int) -> None:
        self._labels, self._mixing, self._outputs = labels, mixing, outputs

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(b, outputs) float32 that sum to 1 in each row."""
        soft = np.zeros((len(rows), self._outputs), np.float32)
        each, own = np.arange(len(rows)), self._mixing.weights[rows]
        soft[each, self._labels[rows]] = own
        soft[each, self._labels[self._mixing.partners[rows]]] += 1 - own
        return soft

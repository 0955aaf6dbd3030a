"""TrivialAugment: one random operation of random strength on each training image.

Source: Müller & Hutter 2021, the "wide" search space. Operations are Pillow's, as there, on many
images at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Amounts = npt.NDArray[np.float64]

LEVELS = 31  # strengths are 0, 1/30, ... 1 of an operation's greatest


@dataclass(frozen=True, eq=False)
class TrivialAugment:
    """What is done to each of n images in one view.

    Attributes:
        operations: (n,) uint8, indices of `OPERATIONS`.
        strengths: (n,) float64 in -1..1; the sign is the direction, where there is one.
    """

    operations: npt.NDArray[np.uint8]
    strengths: Amounts

    @classmethod
    def of_view(cls, seed: int, view: int, count: int) -> TrivialAugment:
        """The operations on `count` images in view number `view` (from 1); views differ."""
        draw = np.random.default_rng((seed, view, 4))
        operations = draw.integers(0, len(OPERATIONS), count, dtype=np.uint8)
        strengths = draw.integers(0, LEVELS, count) / (LEVELS - 1)
        return cls(operations, strengths * draw.choice([-1.0, 1.0], count))

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All that it depends on."""
        return self.operations, self.strengths

    def __call__(self, images: Any, rows: Any) -> Pixels:
        """Change the images of these rows, (b, h, w, 3) uint8."""
        changed = np.array(images)
        operations, strengths = self.operations[rows], self.strengths[rows]
        for number, operation in enumerate(OPERATIONS.values()):
            found = np.flatnonzero(operations == number)
            if operation is not None and found.size:
                changed[found] = operation(changed[found], strengths[found])
        return changed


def _shear_x(images: Pixels, strengths: Amounts) -> Pixels:
    return _warped(images, b=0.99 * strengths)


def _shear_y(images: Pixels, strengths: Amounts) -> Pixels:
    return _warped(images, d=0.99 * strengths)


def _translate_x(images: Pixels, strengths: Amounts) -> Pixels:
    return _warped(images, c=32 * strengths)


def _translate_y(images: Pixels, strengths: Amounts) -> Pixels:
    return _warped(images, f=32 * strengths)


def _rotate(images: Pixels, strengths: Amounts) -> Pixels:
    angle = np.radians(135 * strengths)
    cosine, sine = np.cos(angle), np.sin(angle)
    y0, x0 = images.shape[1] / 2, images.shape[2] / 2
    return _warped(
        images,
        a=cosine,
        b=-sine,
        c=x0 - cosine * x0 + sine * y0,
        d=sine,
        e=cosine,
        f=y0 - sine * x0 - cosine * y0,
    )


def _warped(
    images: Pixels,
    *,
    a: Any = 1.0,
    b: Any = 0.0,
    c: Any = 0.0,
    d: Any = 0.0,
    e: Any = 1.0,
    f: Any = 0.0,
) -> Pixels:
    """Output pixel (x, y) is the nearest to input (a x + b y + c, d x + e y + f); black outside."""
    count, height, width, _ = images.shape
    x, y = np.arange(width)[None, None, :] + 0.5, np.arange(height)[None, :, None] + 0.5
    a, b, c, d, e, f = (np.asarray(one, np.float64).reshape(-1, 1, 1) for one in (a, b, c, d, e, f))
    column, row = np.floor(a * x + b * y + c), np.floor(d * x + e * y + f)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    places = np.where(inside, row * width + column, height * width).astype(np.intp)
    flat = np.zeros((count, height * width + 1, 3), np.uint8)
    flat[:, :-1] = images.reshape(count, -1, 3)
    return np.asarray(flat[np.arange(count)[:, None, None], places])


def _autocontrast(images: Pixels, strengths: Amounts) -> Pixels:
    low, high = images.min(axis=(1, 2), keepdims=True), images.max(axis=(1, 2), keepdims=True)
    spread = high - low
    # At most 255 * 255, which fits into 16 bits.
    stretched = (images - low) * np.uint16(255) // np.maximum(spread, 1)
    return np.where(spread > 0, stretched, images).astype(np.uint8)


def _equalize(images: Pixels, strengths: Amounts) -> Pixels:
    count, pixels = len(images), images.shape[1] * images.shape[2]
    planes = np.arange(3 * count).reshape(count, 1, 1, 3) * 256
    places = images + planes
    histograms = np.bincount(places.ravel(), minlength=3 * count * 256).reshape(-1, 256)
    brightest = 255 - (histograms[:, ::-1] > 0).argmax(axis=1)
    step = ((pixels - histograms[np.arange(3 * count), brightest]) // 255)[:, None]
    darker = np.cumsum(histograms, axis=1) - histograms
    table = np.minimum((step // 2 + darker) // np.maximum(step, 1), 255)
    table = np.where(step > 0, table, np.arange(256)).astype(np.uint8)
    return np.asarray(table.ravel()[places])


def _solarize(images: Pixels, strengths: Amounts) -> Pixels:
    threshold = (255 * (1 - np.abs(strengths)))[:, None, None, None]
    return np.where(images >= threshold, 255 - images, images)


def _posterize(images: Pixels, strengths: Amounts) -> Pixels:
    dropped = np.rint(6 * np.abs(strengths)).astype(np.uint8)  # bits of eight
    return np.asarray(images & (np.uint8(255) << dropped)[:, None, None, None])


def _color(images: Pixels, strengths: Amounts) -> Pixels:
    return _blended(_grey(images)[..., None], images, strengths)


def _contrast(images: Pixels, strengths: Amounts) -> Pixels:
    mean = np.floor(_grey(images).mean(axis=(1, 2)) + 0.5)
    return _blended(mean[:, None, None, None], images, strengths)


def _brightness(images: Pixels, strengths: Amounts) -> Pixels:
    return _blended(np.zeros(1), images, strengths)


def _sharpness(images: Pixels, strengths: Amounts) -> Pixels:
    wide = images.astype(np.uint16)
    rows = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    sums = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:] + 4 * wide[:, 1:-1, 1:-1]
    smooth = images.copy()  # the border stays as it is
    smooth[:, 1:-1, 1:-1] = (sums + 6) // 13
    return _blended(smooth, images, strengths)


def _grey(images: Pixels) -> npt.NDArray[Any]:
    """(b, h, w), the luma of ITU-R 601-2, in 0..255."""
    return np.asarray((images @ np.array([19595, 38470, 7471]) + 2**15) >> 16)


def _blended(base: npt.NDArray[Any], images: Pixels, strengths: Amounts) -> Pixels:
    """From the base (factor 0) over the images (1) to as far beyond (2)."""
    factor = (1 + 0.99 * strengths).astype(np.float32)[:, None, None, None]
    mixed = images * factor
    mixed += base.astype(np.float32) * (1 - factor)
    return np.clip(mixed, 0, 255, out=mixed).astype(np.uint8)


OPERATIONS: dict[str, Callable[[Pixels, Amounts], Pixels] | None] = {
    "identity": None,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
    "rotate": _rotate,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "solarize": _solarize,
    "posterize": _posterize,
    "color": _color,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
}

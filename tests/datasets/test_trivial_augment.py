"""TrivialAugment's operations equal Pillow's, and which is done follows from the view alone."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from cifarkit.datasets.trivial_augment import OPERATIONS, TrivialAugment
from cifarkit.datasets.views import View

RNG = np.random.default_rng(0)
SMOOTH = np.asarray(
    Image.fromarray(RNG.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((33, 32))
)
IMAGES = np.stack(
    [
        RNG.integers(0, 256, (32, 33, 3), dtype=np.uint8),
        SMOOTH,
        SMOOTH // 4 + 90,
        np.full((32, 33, 3), 77, np.uint8),
    ]
)
STRENGTHS = np.array([1.0, -0.5, 0.2, -1.0])


def affine(*matrix: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.transform(image.size, Image.Transform.AFFINE, matrix)


PILLOW: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "identity": lambda image, s: image,
    "shear_x": lambda image, s: affine(1, 0.99 * s, 0, 0, 1, 0)(image),
    "shear_y": lambda image, s: affine(1, 0, 0, 0.99 * s, 1, 0)(image),
    "translate_x": lambda image, s: affine(1, 0, 32 * s, 0, 1, 0)(image),
    "translate_y": lambda image, s: affine(1, 0, 0, 0, 1, 32 * s)(image),
    "rotate": lambda image, s: image.rotate(135 * s),
    "autocontrast": lambda image, s: ImageOps.autocontrast(image),
    "equalize": lambda image, s: ImageOps.equalize(image),
    "solarize": lambda image, s: ImageOps.solarize(image, math.ceil(255 * (1 - abs(s)))),
    "posterize": lambda image, s: ImageOps.posterize(image, 8 - round(6 * abs(s))),
    "color": lambda image, s: ImageEnhance.Color(image).enhance(1 + 0.99 * s),
    "contrast": lambda image, s: ImageEnhance.Contrast(image).enhance(1 + 0.99 * s),
    "brightness": lambda image, s: ImageEnhance.Brightness(image).enhance(1 + 0.99 * s),
    "sharpness": lambda image, s: ImageEnhance.Sharpness(image).enhance(1 + 0.99 * s),
}


@pytest.mark.parametrize("name", PILLOW)
def test_it_is_pillows(name: str) -> None:
    """Up to one grey level of rounding, and in geometry but for pixels between two others."""
    number = list(OPERATIONS).index(name)
    change = TrivialAugment(np.full(4, number, np.uint8), STRENGTHS)
    found = change(IMAGES, np.arange(4)).astype(int)
    expected = np.stack(
        [
            np.asarray(PILLOW[name](Image.fromarray(image), s))
            for image, s in zip(IMAGES, STRENGTHS, strict=True)
        ]
    )
    away = np.abs(found - expected).max(axis=-1) > 1
    assert away.mean() <= (0.01 if name in ("shear_x", "shear_y", "rotate") else 0)
    if name in ("equalize", "posterize", "solarize"):
        np.testing.assert_array_equal(found, expected)


def test_every_operation_is_tested_and_drawn_alike() -> None:
    assert PILLOW.keys() == OPERATIONS.keys()
    drawn = TrivialAugment.of_view(0, 1, 28_000)
    np.testing.assert_allclose(np.bincount(drawn.operations), 2000, rtol=0.1)
    strengths, counts = np.unique(np.abs(drawn.strengths), return_counts=True)
    np.testing.assert_allclose(strengths, np.linspace(0, 1, 31))
    np.testing.assert_allclose(counts, 28_000 / 31, rtol=0.15)
    assert (drawn.strengths < 0).mean() == pytest.approx(0.5 * 30 / 31, abs=0.02)


def test_an_image_is_changed_alike_whatever_its_batch() -> None:
    many = np.repeat(IMAGES, 20, axis=0)
    view = View(many, [TrivialAugment.of_view(5, 1, 80)])
    whole = view[:]
    assert whole.dtype == np.uint8
    assert not np.array_equal(whole, many)
    for rows in ([7], [79, 3, 40]):
        np.testing.assert_array_equal(view[np.array(rows)], whole[rows])
    other = View(many, [TrivialAugment.of_view(5, 2, 80)])
    assert not np.array_equal(other[:], whole)

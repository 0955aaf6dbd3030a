"""A generated data set in the shape of CIFAR-100, identical on every machine.

An image shows one object on a soft background. A class is an outline (its group, which five classes
share) with a finish (its texture, which twenty share), so what a network learns on some classes
helps on the others, and most confusions fall inside a group. Place, size, tilt, colours, light,
an occluder and noise differ from image to image.

Only additions, multiplications, divisions, square roots and table look-ups are used, on numbers
drawn from PCG64's raw output. IEEE 754 and NumPy fix the results of all of these to the last bit,
unlike those of sines and of normal draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.datasets import builtin_classes, cache_folder
from cifarkit.datasets.dataset import ImageDataset, shuffled
from cifarkit.datasets.synthetic import outlines

SIDE = 32
VERSION = 1
"""Part of the cache's file names; increment when any pixel changes."""

_SEED = 0

Plane = npt.NDArray[Any]
"""float32; `(count, 1, 1)`, or `(count, SIDE, SIDE)`, or with three channels in second place."""

_SINE: Plane = np.array(
    [math.floor(math.sin(2 * math.pi * step / 1024) * 4096 + 0.5) / 4096 for step in range(1024)],
    np.float32,
)


def load() -> ImageDataset:
    """The whole data set: 100 classes of 500 training and 100 test images.

    It is generated on first use (some seconds) and read from the cache afterwards.
    """
    entry = f"synthetic-v{VERSION}"
    arrays = cache_folder.read(entry)
    if arrays is None:
        arrays = generate()
        cache_folder.write(entry, arrays)
    return ImageDataset(
        name="synthetic",
        class_names=builtin_classes.SYNTHETIC_CLASSES,
        class_groups=builtin_classes.SYNTHETIC_CLASS_GROUPS,
        train_images=arrays["train_images"],
        train_labels=arrays["train_labels"],
        test_images=arrays["test_images"],
        test_labels=arrays["test_labels"],
    )


def generate(train_per_class: int = 500, test_per_class: int = 100) -> cache_folder.Arrays:
    """The images, `(n, 32, 32, 3)` uint8, and labels of both parts, each in shuffled order.

    Args:
        train_per_class: Training images of each class.
        test_per_class: Test images of each class.
    """
    pairs = builtin_classes.SYNTHETIC_PAIRS
    per_class = train_per_class + test_per_class
    images = np.empty((len(pairs), per_class, SIDE, SIDE, 3), np.uint8)
    for label, (shape, finish) in enumerate(pairs):
        images[label] = _render(shape, finish, per_class)
    train_images, train_labels = _shuffled_part(images[:, :train_per_class], 0)
    test_images, test_labels = _shuffled_part(images[:, train_per_class:], 1)
    return {
        "train_images": train_images,
        "train_labels": train_labels,
        "test_images": test_images,
        "test_labels": test_labels,
    }


def _shuffled_part(
    images: npt.NDArray[np.uint8], part: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    classes, per_class = images.shape[:2]
    order = shuffled(classes * per_class, _SEED, part)
    chosen_labels, chosen_rows = np.divmod(order, per_class)
    return images[chosen_labels, chosen_rows], chosen_labels.astype(np.int32)


class _Draws:
    """Random numbers for a batch of images: one or a plane per image."""

    def __init__(self, count: int, *seeds: int) -> None:
        self._count = count
        self._bits = np.random.PCG64(list(seeds))

    def uniform(self, low: float, high: float) -> Plane:
        """`(count, 1, 1)` in low..high."""
        unit = (self._bits.random_raw(self._count) >> np.uint64(40)).astype(np.float32) / 2**24
        return (np.float32(low) + unit * np.float32(high - low)).reshape(-1, 1, 1)

    def noise(self) -> Plane:
        """`(count, 3, SIDE, SIDE)` in -1..1, triangular in distribution."""
        size = self._count * SIDE * SIDE * 3
        raw = self._bits.random_raw(size // 4).astype("<u8", copy=False).view(np.uint8)
        total = raw[:size].astype(np.float32) + raw[size:].astype(np.float32)
        centred: Plane = total / np.float32(255) - np.float32(1)
        return centred.reshape(-1, 3, SIDE, SIDE)


def _render(shape: str, finish: str, count: int) -> npt.NDArray[np.uint8]:
    """`(count, SIDE, SIDE, 3)` images of one class."""
    group = builtin_classes.SYNTHETIC_SHAPES.index(shape)
    variant = builtin_classes.SYNTHETIC_FINISHES.index(finish)
    draw = _Draws(count, _SEED, group, variant)
    axis = (np.arange(SIDE, dtype=np.float32) - np.float32((SIDE - 1) / 2)) / np.float32(SIDE / 2)
    x, y = axis.reshape(1, 1, -1), axis.reshape(1, -1, 1)

    u, v = _object_coordinates(draw, x, y)
    radius, cover = _cover(shape, u, v)
    pattern = _FINISHES[finish](draw, u, v, radius)
    contrast = draw.uniform(0.25, 0.60)
    hue = draw.uniform(-0.04, 0.04) + np.float32(group * 7 % 20 / 20 + (variant - 2) * 0.015)
    ink = _colour(hue, draw.uniform(0.45, 0.9), draw.uniform(0.5, 0.95))
    ink = ink * (np.float32(1) + contrast * pattern)[:, None]

    field = _wave(draw.uniform(-0.6, 0.6) * x + draw.uniform(-0.6, 0.6) * y + draw.uniform(0, 1))
    paper = _colour(draw.uniform(0, 1), draw.uniform(0, 0.5), draw.uniform(0.2, 0.8))
    paper = paper * (np.float32(1) + draw.uniform(0.0, 0.4) * field)[:, None]

    picture = paper + cover[:, None] * (ink - paper)
    picture = _occlude(draw, picture, x, y)
    light = draw.uniform(0.65, 1.15) + draw.uniform(-0.25, 0.25) * x + draw.uniform(-0.25, 0.25) * y
    picture = picture * light[:, None] + draw.uniform(0.03, 0.12)[:, None] * draw.noise()
    levels: npt.NDArray[np.uint8] = np.clip(
        picture * np.float32(255) + np.float32(0.5), 0, 255
    ).astype(np.uint8)
    return levels.transpose(0, 2, 3, 1)


def _object_coordinates(draw: _Draws, x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """Pixel coordinates in the object's frame: shifted, scaled, rotated, perhaps mirrored."""
    scale = draw.uniform(0.52, 0.78)
    tilt = draw.uniform(-0.05, 0.05)
    mirror = np.where(draw.uniform(-1, 1) < 0, np.float32(-1), np.float32(1))
    dx, dy = (x - draw.uniform(-0.22, 0.22)) / scale, (y - draw.uniform(-0.22, 0.22)) / scale
    cosine, sine = _wave(tilt + np.float32(0.25)), _wave(tilt)
    return mirror * (cosine * dx + sine * dy), cosine * dy - sine * dx


def _cover(shape: str, u: Plane, v: Plane) -> tuple[Plane, Plane]:
    """Each pixel's distance from the object's centre, and how much of it the object covers."""
    across, down = np.abs(u), np.abs(v)
    ratio = np.minimum(across, down) / np.maximum(np.maximum(across, down), np.float32(1e-6))
    # The arc tangent, in turns, to 0.001 of a turn.
    eighth = ratio * (np.float32(0.125) + np.float32(0.04345) * (np.float32(1) - ratio))
    turn = np.where(across >= down, eighth, np.float32(0.25) - eighth)
    turn = np.where(u < 0, np.float32(0.5) - turn, turn)
    turn = np.where(v < 0, np.float32(1) - turn, turn)
    direction = (turn * np.float32(outlines.DIRECTIONS)).astype(np.int16) % outlines.DIRECTIONS
    reach = outlines.outline(shape)[direction]
    radius = np.sqrt(u * u + v * v)
    soft = np.float32(6)
    cover = np.clip((reach - radius) * soft + np.float32(0.5), 0, 1)
    if shape in outlines.HOLLOW:
        cover *= np.clip((radius - np.float32(0.5) * reach) * soft + np.float32(0.5), 0, 1)
    return radius, cover


def _wave(turns: Plane) -> Plane:
    """The sine of an angle in turns, from the table."""
    values: Plane = _SINE[(turns * np.float32(1024)).astype(np.int32) & 1023]
    return values


def _stripes(cycles: float) -> Callable[[_Draws, Plane, Plane, Plane], Plane]:
    def paint(draw: _Draws, u: Plane, v: Plane, _radius: Plane) -> Plane:
        lean, pace = draw.uniform(0, 1), draw.uniform(0.88, 1.12) * np.float32(cycles)
        along = _wave(lean + np.float32(0.25)) * u + _wave(lean) * v
        return _wave(pace * along + draw.uniform(0, 1))

    return paint


def _grid(draw: _Draws, u: Plane, v: Plane) -> tuple[Plane, Plane]:
    lean, pace = draw.uniform(0, 1), draw.uniform(1.15, 1.5)
    cosine, sine = pace * _wave(lean + np.float32(0.25)), pace * _wave(lean)
    return (
        _wave(cosine * u + sine * v + draw.uniform(0, 1)),
        _wave(cosine * v - sine * u + draw.uniform(0, 1)),
    )


def _checks(draw: _Draws, u: Plane, v: Plane, _radius: Plane) -> Plane:
    one, other = _grid(draw, u, v)
    squares: Plane = np.clip(np.float32(3) * one * other, -1, 1)
    return squares


def _dots(draw: _Draws, u: Plane, v: Plane, _radius: Plane) -> Plane:
    one, other = _grid(draw, u, v)
    spots: Plane = np.clip(np.float32(1.5) * (one + other) - np.float32(0.8), -1, 1)
    return spots


def _ribs(draw: _Draws, _u: Plane, _v: Plane, radius: Plane) -> Plane:
    return _wave(draw.uniform(1.6, 2.1) * radius + draw.uniform(0, 1))


_FINISHES: dict[str, Callable[[_Draws, Plane, Plane, Plane], Plane]] = {
    "fine": _stripes(2.6),
    "broad": _stripes(1.3),
    "checked": _checks,
    "dotted": _dots,
    "ribbed": _ribs,
}


def _colour(hue: Plane, saturation: Plane, value: Plane) -> Plane:
    """RGB of hue (in turns), saturation and value, `(count, 3, 1, 1)` in 0..1."""
    offsets = np.array([0, 4, 2], np.float32).reshape(3, 1, 1)
    sixths = hue[:, None] * np.float32(6) + offsets
    sixths -= np.float32(6) * np.floor(sixths / np.float32(6))
    pure: Plane = np.clip(np.abs(sixths - np.float32(3)) - np.float32(1), 0, 1)
    colour: Plane = value[:, None] * (np.float32(1) - saturation[:, None] * (np.float32(1) - pure))
    return colour


def _occlude(draw: _Draws, picture: Plane, x: Plane, y: Plane) -> Plane:
    """Cover part of two images in three with a plain rectangle."""
    width, height = draw.uniform(0.1, 0.35), draw.uniform(0.1, 0.35)
    inside = (np.abs(x - draw.uniform(-0.9, 0.9)) < width) & (
        np.abs(y - draw.uniform(-0.9, 0.9)) < height
    )
    inside &= draw.uniform(0, 1) < np.float32(0.67)
    patch = _colour(draw.uniform(0, 1), draw.uniform(0, 0.6), draw.uniform(0.2, 0.9))
    covered: Plane = np.where(inside[:, None], patch, picture)
    return covered

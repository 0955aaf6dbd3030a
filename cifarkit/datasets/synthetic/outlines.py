"""Outlines of the synthetic objects, as distances from the centre by direction.

Everything is rounded to multiples of 1/1024, so that machines whose sines differ in the last bit
agree on every outline.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

DIRECTIONS = 512
"""The number of directions of an outline, clockwise from the right."""

HOLLOW = frozenset({"ring", "frame"})
"""Shapes with a hole: the outline itself at about half its size."""

Points = list[tuple[float, float]]


@cache
def outline(shape: str) -> npt.NDArray[np.float32]:
    """`(DIRECTIONS,)`: the shape's extent in each direction, in units of its radius."""
    points = [(_rounded(x), _rounded(y)) for x, y in _polygon(shape)]
    turns = [2 * math.pi * index / DIRECTIONS for index in range(DIRECTIONS)]
    x = np.array([_rounded(math.cos(turn)) for turn in turns])
    y = np.array([_rounded(math.sin(turn)) for turn in turns])
    reach = np.full(DIRECTIONS, 0.08)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        # The ray t (x, y) meets the edge a + s (b - a): two linear equations.
        ex, ey = bx - ax, by - ay
        across = x * ey - y * ex
        safe = np.where(np.abs(across) < 1e-9, 1.0, across)
        t, s = (ax * ey - ay * ex) / safe, (ax * y - ay * x) / safe
        met = (np.abs(across) >= 1e-9) & (t > 0) & (s >= -1e-6) & (s <= 1 + 1e-6)
        reach = np.where(met, np.maximum(reach, t), reach)
    return (np.floor(reach * 1024 + 0.5) / 1024).astype(np.float32)


def _rounded(value: float) -> float:
    return math.floor(value * 1024 + 0.5) / 1024


def _polar(turn: float, radius: float) -> tuple[float, float]:
    return radius * math.cos(2 * math.pi * turn), radius * math.sin(2 * math.pi * turn)


def _regular(corners: int, radius: float, turn: float) -> Points:
    return [_polar(turn + corner / corners, radius) for corner in range(corners)]


def _spiked(spikes: int, outer: float, inner: float, turn: float) -> Points:
    """Corners that alternate between two radii."""
    return [
        _polar(turn + index / (2 * spikes), inner if index % 2 else outer)
        for index in range(2 * spikes)
    ]


def _box(width: float, height: float) -> Points:
    return [(-width, -height), (width, -height), (width, height), (-width, height)]


def _cross(turn: float) -> Points:
    arm, half = 1.0, 0.3
    corner = math.hypot(arm, half)
    lean = math.atan2(half, arm) / (2 * math.pi)
    points: Points = []
    for quarter in range(4):
        axis = turn + quarter / 4
        points += [
            _polar(axis - lean, corner),
            _polar(axis + lean, corner),
            _polar(axis + 0.125, half * math.sqrt(2)),
        ]
    return points


def _curve(points: int, radius_at: dict[int, float]) -> Points:
    return [_polar(index / points, radius_at[index]) for index in range(points)]


def _lens(angle: float) -> float:
    """The overlap of two discs of radius 1.81 whose centres are 1.31 to either side."""
    return math.sqrt(1.81**2 - (1.31 * math.cos(angle)) ** 2) - 1.31 * abs(math.sin(angle))


def _polygon(shape: str) -> Points:
    """The corners in order; y points down, and every ray from (0, 0) crosses the rim last."""
    ring = range(64)
    turn = {index: 2 * math.pi * index / 64 for index in ring}
    match shape:
        case "disc" | "ring":
            return _regular(64, 0.95, 0.0)
        case "square" | "frame":
            return _box(0.82, 0.82)
        case "triangle":
            return _regular(3, 1.15, -0.25)
        case "diamond":
            return [(0.0, -1.15), (0.75, 0.0), (0.0, 1.15), (-0.75, 0.0)]
        case "pentagon":
            return _regular(5, 1.0, -0.25)
        case "star":
            return _spiked(5, 1.2, 0.48, -0.25)
        case "cross":
            return _cross(0.0)
        case "saltire":
            return _cross(0.125)
        case "heart":
            # The classic curve 16 sin^3, 13 cos - 5 cos 2 - 2 cos 3 - cos 4, scaled.
            return [
                (
                    math.sin(t) ** 3,
                    -(
                        13 * math.cos(t)
                        - 5 * math.cos(2 * t)
                        - 2 * math.cos(3 * t)
                        - math.cos(4 * t)
                    )
                    / 16,
                )
                for t in turn.values()
            ]
        case "leaf":
            return _curve(64, {i: _lens(turn[i] + math.pi / 4) for i in ring})
        case "flower":
            return _curve(64, {i: 0.75 + 0.3 * math.cos(5 * turn[i]) for i in ring})
        case "gear":
            return _curve(64, {i: 1.05 if (i // 4) % 2 else 0.7 for i in ring})
        case "drop":
            return [(0.0, -1.25), *[_polar(0.0 - 0.06 + 0.62 * i / 40, 0.75) for i in range(41)]]
        case "arrow":
            return [
                (1.2, 0.0),
                (0.1, -0.9),
                (0.1, -0.35),
                (-1.05, -0.35),
                (-1.05, 0.35),
                (0.1, 0.35),
                (0.1, 0.9),
            ]
        case "bar":
            return _box(1.25, 0.42)
        case "pillar":
            return _box(0.42, 1.25)
        case "wedge":
            return [(0.0, 0.0), *[_polar(0.1 + 0.8 * i / 48, 1.0) for i in range(49)]]
        case "bowtie":
            return [(0.1, -0.12), (1.1, -0.8), (1.1, 0.8), (0.1, 0.12),
                    (-0.1, 0.12), (-1.1, 0.8), (-1.1, -0.8), (-0.1, -0.12)]  # fmt: skip
    raise ValueError(shape)

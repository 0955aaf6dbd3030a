"""Places labels next to their points without overlaps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_DIRECTIONS = 16
_REACH = (0, 3, 6, 11, 18, 28, 41, 57, 75)
"""Distances of a label from its point's rim, in points, tried from near to far."""


@dataclass(frozen=True)
class Box:
    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def inside(self, other: Box) -> bool:
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )


@dataclass(frozen=True)
class Point:
    """A disc and the size of its label, in points."""

    x: float
    y: float
    radius: float
    width: float
    height: float


def place(points: Sequence[Point], frame: Box) -> list[Box] | None:
    """A box inside the frame for each label without overlaps; None if a label does not fit.

    Greedy and deterministic: the most crowded points are placed first.
    """
    order = sorted(range(len(points)), key=lambda i: (_crowding(points, i), i))
    placed: dict[int, Box] = {}
    for index in order:
        box = _free(points, index, placed.values(), frame)
        if box is None:
            return None
        placed[index] = box
    return [placed[index] for index in range(len(points))]


def _crowding(points: Sequence[Point], index: int) -> float:
    me = points[index]
    others = (p for i, p in enumerate(points) if i != index)
    return min((math.hypot(p.x - me.x, p.y - me.y) for p in others), default=math.inf)


def _free(points: Sequence[Point], index: int, taken: Iterable[Box], frame: Box) -> Box | None:
    me = points[index]
    for reach in _REACH:
        for step in range(_DIRECTIONS):
            # Right first, where a label is expected, then alternating to both sides.
            turn = (step + 1) // 2 * (1 if step % 2 else -1)
            box = _adjacent(me, me.radius + 2 + reach, 2 * math.pi * turn / _DIRECTIONS)
            if not box.inside(frame) or any(box.overlaps(other) for other in taken):
                continue
            if not any(_covers(box, point) for point in points):
                return box
    return None


def _adjacent(point: Point, distance: float, angle: float) -> Box:
    """The label's box, outside a circle and touching it in a direction."""
    across, up = math.cos(angle), math.sin(angle)
    x = point.x + distance * across + point.width / 2 * _outward(across)
    y = point.y + distance * up + point.height / 2 * _outward(up)
    return Box(x - point.width / 2, y - point.height / 2, x + point.width / 2, y + point.height / 2)


def _covers(box: Box, point: Point) -> bool:
    across = min(max(point.x, box.left), box.right) - point.x
    up = min(max(point.y, box.bottom), box.top) - point.y
    return math.hypot(across, up) < point.radius + 1


def _outward(component: float) -> float:
    """Nearly along an axis, the label moves out by half of its side; otherwise by a part of it."""
    return math.copysign(1.0, component) if abs(component) > 0.9 else component

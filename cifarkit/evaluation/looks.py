"""At how many seeds a study is looked at, and how much of the accepted error each look spends.

Source: Lan & DeMets 1983, "Discrete sequential boundaries for clinical trials", Biometrika 70,
659-663: the spending function `level * t`, where t is the share of the most seeds. The increments
are the looks' levels (Bonferroni), so that any rule to stop by keeps the sum of them.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_LOOK = 3
MAX_SEEDS = 10


@dataclass(frozen=True)
class Look:
    """A comparison of the arms that are left.

    Attributes:
        seeds: Of each arm, seeds 0 to `seeds - 1`.
        level: The chance of any false difference at this look.
    """

    seeds: int
    level: float


def planned_looks(max_seeds: int, level: float) -> tuple[Look, ...]:
    """The looks at 3, 4, 6, 8, 10, ... seeds, further apart from 16 on, the last at `max_seeds`.

    Args:
        max_seeds: At least `FIRST_LOOK`.
        level: Of all looks together.
    """
    counts, seeds = [], FIRST_LOOK
    while seeds < max_seeds:
        counts.append(seeds)
        seeds += 1 if seeds == FIRST_LOOK else 2 * max(1, seeds // 8)
    counts.append(max_seeds)
    before = (0, *counts[:-1])
    return tuple(
        Look(now, level * (now - then) / max_seeds)
        for then, now in zip(before, counts, strict=True)
    )

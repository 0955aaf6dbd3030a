"""Adding seeds until a comparison is settled, without more false differences for having looked.

The study is compared at fixed numbers of seeds. An arm shown worse than the leader gets no more
seeds; the others go on until every one of them is shown worse than the leader or equal to it. The
levels of the looks are fixed beforehand and add up to `LEVEL`.

Sources: Paulson 1964, "A sequential procedure for selecting the population with the largest mean
from k normal populations", Annals of Mathematical Statistics 35, 174-180, drops the worse. Tang &
Geller 1999, "Closed testing procedures for group sequential clinical trials with multiple
endpoints", Biometrics 55, 1188-1192, has later looks compare only what is left.
`benchmarks/sequential_seeds.py` simulates it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

from cifarkit.evaluation.comparison import (
    EQUIVALENCE,
    LEVEL,
    Comparison,
    Conclusion,
    Runs,
    Score,
    compare,
)
from cifarkit.evaluation.looks import MAX_SEEDS, Look, planned_looks


@dataclass(frozen=True)
class Sequential:
    """How far a comparison has got.

    Attributes:
        conclusion: Of each arm that was dropped, what its last look said; of the others, what the
            last look says. None before the first look.
        looks: All that are planned.
        taken: How many of them were taken.
        left: The arms that were not dropped; those without a run are no longer among them.
        settled: Whether each of these is shown worse than the leader or equal to it.
    """

    conclusion: Conclusion | None
    looks: tuple[Look, ...]
    taken: int
    left: tuple[str, ...]
    settled: bool = False

    @property
    def next(self) -> Look | None:
        """The look that the arms that are left need more seeds for; None at the end."""
        return None if self.settled else next(iter(self.looks[self.taken :]), None)


def compare_sequentially(
    arms: Mapping[str, Runs],
    image_sets: Mapping[str, Hashable] | None = None,
    *,
    tried: Mapping[str, int],
    max_seeds: int = MAX_SEEDS,
    equivalence: float = EQUIVALENCE,
) -> Sequential:
    """Take the looks that the runs allow. The same runs give the same answer, whenever asked.

    Args:
        arms, image_sets: See `comparison.compare`. Seeds of a dropped arm beyond its last look, if
            it has any, are not used.
        tried: By arm, how many seeds from 0 on were trained, successfully or not. A look is taken
            once all arms that are left have got there; a run that failed is left out of it.
        max_seeds: As planned before the first look.
        equivalence: The difference in accuracy below which two arms are called equal.

    Raises:
        InvalidInput: See `comparison.compare`.
    """
    looks = planned_looks(max_seeds, LEVEL)
    state = Sequential(None, looks, 0, tuple(arms))
    scores: dict[str, Score] = {}
    final: dict[str, Comparison] = {}  # of arms that were dropped
    missing: tuple[str, ...] = ()
    while (look := state.next) and all(tried[arm] >= look.seeds for arm in state.left):
        runs = {
            arm: {seed: run for seed, run in arms[arm].items() if seed < look.seeds}
            for arm in state.left
        }
        found = compare(runs, image_sets, look.level)
        scores |= {score.arm: score for score in found.scores}
        missing += found.missing
        worse = {
            one.arm: one
            for one in found.comparisons
            if one.of == "setting" and one.verdict == "worse"
        }
        known = {**final, **{one.arm: one for one in found.comparisons}}
        conclusion = replace(
            found,
            scores=tuple(scores[arm] for arm in arms if arm in scores),
            comparisons=tuple(known[arm] for arm in arms if arm in known),
            missing=missing,
            looks=len(looks),
            dropped=tuple(final),
        )
        final |= worse
        left = tuple(score.arm for score in found.scores if score.arm not in worse)
        settled = not found.same_images or all(
            one.arm in worse or (one.of == "setting" and one.equal_within(equivalence))
            for one in found.comparisons
        )
        state = Sequential(conclusion, looks, state.taken + 1, left, settled)
    return state

"""Claim: `--seeds auto` errs in at most 5% of studies, with a third fewer trainings or better.

    python -m benchmarks.sequential_seeds               the table that docs/statistics.md has
    python -m benchmarks.sequential_seeds --studies 50  a quick look

Studies are drawn as runs on 8,000 images (`tests/evaluation/simulated.py`), and
`compare_sequentially` decides how many seeds each arm gets. "False" is the share of studies that
call any arm worse than one that is not better; "missed" that of studies with any interval of a
difference that does not contain the true one; "power" the share of arms 1 point below the best that
are shown to be worse. The fixed number of seeds of the same power is that of `compare`, by the
simulation in `comparison_rules.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.comparison_rules import Cell, power, print_table
from cifarkit.evaluation.looks import MAX_SEEDS
from cifarkit.evaluation.sequential import compare_sequentially
from cifarkit.reporting.published import tables
from tests.evaluation.simulated import simulate

IMAGES = 8000
ZOO = tuple(float(row["accuracy"]) for row in tables()["table1_zoo"])
CLOSE = tuple(0.8 - below / 100 for below in (0, 1, 1, 1.5, 1.5, 2, 2, 2.5, 2.5, 3, 3, 3.5, 4))


@dataclass(frozen=True)
class Field:
    """True accuracies of a study's arms, and their seed sds in points."""

    title: str
    accuracies: Sequence[float]
    seed_sd: float = 0.4
    first_sd: float | None = None


FIELDS = (
    Field("the published 13 networks", ZOO),
    Field("a close field of 13", CLOSE),
    Field("4 settings: 0, -1, -1.5, -3 points", (0.8, 0.79, 0.785, 0.77)),
    Field("2 settings, 1 point apart", (0.8, 0.79)),
    Field("13 equal settings", (0.8,) * 13),
    Field("13 equal settings, seed sd 1.5", (0.8,) * 13, 1.5),
    Field("4 equal settings", (0.8,) * 4),
    Field("2 equal settings", (0.8, 0.8)),
    Field("2 equal above 11 that are 2 points worse", (0.8, 0.8, *(0.78,) * 11)),
    Field("the same, seed sd 0.3, of the first 1.5", (0.8, 0.8, *(0.78,) * 11), 0.3, 1.5),
    Field("6 equal above 7 that are 0.5 points worse", (*(0.8,) * 6, *(0.795,) * 7)),
    Field("2 equal settings, seed sd 0.3 and 1.5", (0.8, 0.8), 0.3, 1.5),
)


@dataclass
class Rates:
    """Means over the studies."""

    trainings: float
    false: float
    missed: float
    power: float
    accuracy_missed: float


def rates(field: Field, studies: int, rng: np.random.Generator) -> Rates:
    true = {str(arm): accuracy for arm, accuracy in enumerate(field.accuracies)}
    best = max(true.values())
    point_below = {arm for arm, accuracy in true.items() if abs(best - accuracy - 0.01) < 1e-9}
    deviations = [field.seed_sd / 100] * len(true)
    if field.first_sd is not None:
        deviations[0] = field.first_sd / 100
    totals = np.zeros(5)
    for _ in range(studies):
        arms = simulate(
            rng,
            accuracies=field.accuracies,
            images=IMAGES,
            seeds=MAX_SEEDS,
            seed_deviation=deviations,
        )
        found = compare_sequentially(arms, tried=dict.fromkeys(arms, MAX_SEEDS)).conclusion
        assert found is not None
        lead = {one.arm: true[one.arm] - true[one.reference] for one in found.comparisons}
        worse = {one.arm for one in found.comparisons if one.verdict == "worse"}
        missed = [not one.low <= lead[one.arm] <= one.high for one in found.comparisons]
        totals += (
            sum(score.runs for score in found.scores),
            any(lead[arm] >= 0 for arm in worse),
            any(missed),
            len(point_below & worse) / max(1, len(point_below)),
            np.mean([not score.low <= true[score.arm] <= score.high for score in found.scores]),
        )
    return Rates(*(totals / studies))


def fixed_seeds(arms: int, seed_sd: float, wanted: float) -> float:
    """How many seeds of each arm `compare` needs to see a difference of 1 point as often."""
    before = 0.0
    for seeds in range(3, 40):
        cell = Cell(seeds, arms, seed_sd, IMAGES, difference=1.0)
        reached = power("moderated", cell, 1000, np.random.default_rng(seeds))
        if reached >= wanted:
            return seeds - (reached - wanted) / (reached - before)
        before = reached
    return 40.0


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--studies", type=int, default=1000)
    asked.add_argument("--fields", type=int, nargs="*", default=range(len(FIELDS)))
    options = asked.parse_args()
    rows = []
    for number in options.fields:
        field = FIELDS[number]
        found = rates(field, options.studies, np.random.default_rng([1, number]))
        row = [field.title, f"{found.trainings:.1f}", f"{found.false:.3f}", f"{found.missed:.3f}"]
        row.append(f"{found.accuracy_missed:.3f}")
        if found.power:
            seeds = fixed_seeds(len(field.accuracies), field.seed_sd, found.power)
            as_many = seeds * len(field.accuracies)
            saved = 1 - found.trainings / as_many
            row += [f"{found.power:.2f}", f"{seeds:.1f}", f"{as_many:.0f}", f"{saved:.0%}"]
        rows.append(row + ["-"] * (9 - len(row)))
        print(" | ".join(rows[-1]), flush=True)
    header = ["Settings", "Trainings", "False", "Missed", "Accuracy missed"]
    header += ["Power at 1 point", "Fixed seeds of that power", "Their trainings", "Saved"]
    print_table(header, rows)


if __name__ == "__main__":
    main()

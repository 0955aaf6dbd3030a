"""How much another seed changes accuracy, by the repeated trials of a store."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import variance

from cifarkit.reporting import formatting
from cifarkit.reporting.study_view import StudyView
from cifarkit.specs import TrialSpec
from cifarkit.store.records import TrialRecord
from cifarkit.text import counted

_SEEN = 0.01
"""The difference in accuracy that seeds are counted for."""


@dataclass(frozen=True)
class SeedSpread:
    """The standard deviation of a run's test accuracy over seeds, pooled over settings."""

    deviation: float
    settings: int
    runs: int


def seed_spread(trials: Iterable[TrialRecord]) -> SeedSpread | None:
    """None if no setting was trained with several seeds, or none of their accuracies differ."""
    settings: dict[Hashable, list[float]] = {}
    for trial in trials:
        if trial.complete and trial.result is not None:
            key = without_seeds(trial.spec), trial.result.test_images
            settings.setdefault(key, []).append(trial.result.accuracy.test)
    repeated = [scores for scores in settings.values() if len(scores) > 1]
    runs = sum(map(len, repeated))
    squares = sum(variance(scores) * (len(scores) - 1) for scores in repeated)
    if not squares:
        return None
    return SeedSpread(sqrt(squares / (runs - len(repeated))), len(repeated), runs)


def seeds_sentence(view: StudyView, arms: int) -> str:
    """How many seeds it takes to compare so many settings, for a study that has too few."""
    shown = {(t.spec.data.dataset, t.spec.data.fingerprint) for _, t in view.trials}
    alike = (
        trial
        for trial in view.records.values()
        if (trial.spec.data.dataset, trial.spec.data.fingerprint) in shown
    )
    spread = seed_spread(alike)
    if spread is None:
        return (
            "How much another seed changes is not known: no trial on these data was repeated. "
            "--seeds 3 or more would compare the settings."
        )
    from cifarkit.evaluation.power import POWER, seeds_needed

    points = formatting.significant(100 * spread.deviation, 2)
    seeds = seeds_needed(_SEEN, spread.deviation, arms)
    needed = f"about {seeds} seeds each" if seeds else "more than 200 seeds each"
    return (
        f"Repeated trials here differ by {points} points (standard deviation, "
        f"{counted(spread.runs, 'run')} of {counted(spread.settings, 'setting')}): to see a "
        f"difference of 1 point between two of {arms} settings with a probability of {POWER:g}, "
        f"it takes {needed}."
    )


def without_seeds(spec: TrialSpec) -> Hashable:
    """What trials have in common that differ in their seeds alone."""
    data = spec.data.model_copy(update={"data_seed": 0, "location": None})
    return data, spec.model, spec.train.model_copy(update={"seed": 0})

"""How much accuracies vary over seeds and between settings, by the trials of a store."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from cifarkit.errors import InvalidInput
from cifarkit.reporting import formatting
from cifarkit.reporting.arm_accuracy import test_hits
from cifarkit.reporting.study_view import StudyView
from cifarkit.specs import DataSpec, TrialSpec
from cifarkit.store.records import TrialRecord
from cifarkit.store.training_checks import findings
from cifarkit.text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSE = 0.05
"""Accuracy: how far apart two settings may be whose disagreement counts."""
_SEEN = 0.01
"""The difference in accuracy that seeds are counted for."""
_MOST_SETTINGS = 200
"""Of more, the pairs of the first ones count."""


@dataclass(frozen=True)
class Spread:
    """What trials on the same test images show about variation.

    Attributes:
        seed_sd, disagreement: See `evaluation.power.Variation`; pooled over the settings with
            several runs. None without one, or if nothing varies.
        between: The median over pairs of settings that are close in accuracy; None without one.
        images: Test images; 0 without a trial.
        settings, runs: How many were trained with several seeds.
        pairs: How many pairs of settings.
        splits: Whether the seeds of a setting have splits of their own.
        left_out: How many complete trials went wrong, cannot be read, or have other test images.
    """

    seed_sd: float | None = None
    disagreement: float | None = None
    between: float | None = None
    images: int = 0
    settings: int = 0
    runs: int = 0
    pairs: int = 0
    splits: bool = False
    left_out: int = 0


def spread(trials: Iterable[TrialRecord], *, networks_vary: bool | None = None) -> Spread:
    """Pool the trials of one set of test images.

    Args:
        networks_vary: Which pairs of settings count: of different networks (True), of the same one
            (False), or both (None).
    """
    settings: dict[Hashable, list[NDArray[np.bool_]]] = {}
    data_seeds: dict[Hashable, set[int]] = {}
    networks: dict[Hashable, str] = {}
    shown: Hashable = None
    left_out = 0
    for trial in trials:
        if not trial.complete:
            continue
        try:
            right, images = test_hits(trial)
        except InvalidInput:
            left_out += 1
            continue
        if shown not in (None, images) or any(found.broken for found in findings(trial)):
            left_out += 1
            continue
        shown = images
        key = without_seeds(trial.spec)
        settings.setdefault(key, []).append(right)
        data_seeds.setdefault(key, set()).add(trial.spec.data.data_seed)
        networks[key] = trial.spec.model.model
    if not settings:
        return Spread(left_out=left_out)
    n = len(next(iter(settings.values()))[0])
    repeated = [np.array(runs) for runs in settings.values() if len(runs) > 1]
    df = sum(len(runs) - 1 for runs in repeated)
    over_seeds = sum((len(runs) - 1) * runs.mean(1).var(ddof=1) for runs in repeated) / max(df, 1)
    within = sum((len(runs) - 1) * runs.var(0, ddof=1).mean() for runs in repeated) / max(df, 1)
    known = bool(within)
    between = _between(settings, networks, networks_vary)
    return Spread(
        sqrt(max(0.0, over_seeds - within / n)) if known else None,
        float(2 * within) if known else None,
        median(between) if between else None,
        n,
        len(repeated),
        df + len(repeated),
        len(between),
        any(len(seeds) > 1 for seeds in data_seeds.values()),
        left_out,
    )


def _between(
    settings: dict[Hashable, list[NDArray[np.bool_]]],
    networks: dict[Hashable, str],
    networks_vary: bool | None,
) -> list[float]:
    """The share of images on which just one of two runs is right, for each pair of settings."""
    some = list(settings)[:_MOST_SETTINGS]
    by_image = np.array([np.mean(settings[key], axis=0, dtype=np.float32) for key in some])
    accuracy = by_image.mean(1)
    both = by_image @ by_image.T / by_image.shape[1]
    names = np.array([networks[key] for key in some])
    one, other = np.triu_indices(len(some), 1)
    close = abs(accuracy[one] - accuracy[other]) <= CLOSE
    if networks_vary is not None:
        close &= (names[one] != names[other]) == networks_vary
    return list(map(float, (accuracy[one] + accuracy[other] - 2 * both[one, other])[close]))


@dataclass(frozen=True)
class Needed:
    """How many seeds of each setting a comparison has and needs, to see a point of accuracy.

    Attributes:
        known: Whether any training on these data was repeated, without which nothing is known.
        seeds: None if it is more than `evaluation.power.MOST_SEEDS`, or not known.
    """

    have: int
    known: bool = False
    seeds: int | None = None


def seeds_for(view: StudyView, arms: int, have: int) -> Needed:
    """The seeds that it takes to compare so many settings of a study."""
    from cifarkit.evaluation.power import Variation, seeds_needed

    found = _spread_of(view)
    if found.seed_sd is None or found.disagreement is None:
        return Needed(have)
    variation = Variation(found.seed_sd, found.disagreement, found.between or found.disagreement)
    return Needed(have, True, seeds_needed(_SEEN, variation, arms=arms, images=found.images))


def _spread_of(view: StudyView) -> Spread:
    """By all trials on the study's test images, once for all views."""
    shown = frozenset(test_part(trial.spec.data) for _, trial in view.trials)
    key = "spread", shown, "model" in view.axes
    if key not in view.shared:
        alike = on_images(view.records.values(), shown)
        view.shared[key] = spread(alike, networks_vary="model" in view.axes)
    found: Spread = view.shared[key]
    return found


def seeds_sentence(view: StudyView, arms: int) -> str:
    """How many seeds it takes to compare so many settings, for a study that has too few."""
    from cifarkit.evaluation.power import POWER, Variation

    found, needed = _spread_of(view), seeds_for(view, arms, 1)
    if found.seed_sd is None or found.disagreement is None:
        return (
            "How much another seed changes is not known: no trial on these data was repeated. "
            "Three seeds or more of each would compare the settings."
        )
    variation = Variation(found.seed_sd, found.disagreement, found.between or found.disagreement)
    points = formatting.significant(100 * variation.run_sd(found.images), 2)
    each = f"about {needed.seeds} seeds each" if needed.seeds else "more than 200 seeds each"
    return (
        f"Repeated trials here differ by {points} percentage points (standard deviation, "
        f"{counted(found.runs, 'run')} of {counted(found.settings, 'setting')}): to see a "
        f"difference of 1 percentage point between two of {arms} settings with a probability of "
        f"{POWER:g}, "
        f"it takes {each}."
    )


def on_images(trials: Iterable[TrialRecord], shown: Collection[Hashable]) -> list[TrialRecord]:
    """The trials with one of these test parts."""
    return [trial for trial in trials if test_part(trial.spec.data) in shown]


def test_part(data: DataSpec) -> Hashable:
    """What decides the test images."""
    return data.dataset, data.fingerprint, data.classes, data.class_seed, data.class_names


def without_seeds(spec: TrialSpec) -> Hashable:
    """What trials have in common that differ in their seeds alone."""
    data = spec.data.model_copy(update={"data_seed": 0, "location": None})
    return data, spec.model, spec.train.model_copy(update={"seed": 0})

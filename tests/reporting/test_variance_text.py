"""The report says what makes a run's accuracy vary, as far as the study shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cifarkit.reporting.conclusions import conclusions
from cifarkit.reporting.document import document
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.variance_text import variance_sentences
from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import Arm
from tests.reporting.fabricate import Fabricator, hits, result
from tests.studies.test_selection import DIVERGED

IMAGES = 2000


def study_of(
    tmp_path: Path,
    runs: Iterable[tuple[int, int]],
    arms: Iterable[float] = (0.5,),
    split_points: float = 5.0,
    seed_points: float = 0.0,
) -> tuple[StudyView, str]:
    """Accuracies that rise by so many points with each split and each seed; images by chance."""
    fabricator, rng = Fabricator(tmp_path), np.random.default_rng(0)
    made, runs = [], list(runs)
    for dropout in arms:
        trials = []
        for data_seed, seed in runs:
            chance = 0.6 + (split_points * data_seed + seed_points * seed) / 100
            right = rng.random(IMAGES) < chance
            settings = {"model": "vgg16", "epochs": 10, "dropout": dropout}
            settings |= {"data_seed": data_seed, "seed": seed}
            trial = fabricator.trial(settings, result(test_images=IMAGES, hits=hits(right)))
            fabricator.predictions(trial, right)
            trials.append(trial)
        made.append(Arm(label=str(dropout), settings={"dropout": dropout}, trials=tuple(trials)))
    study = fabricator.study("dropout", "sweep", ["dropout"], made, "Dropout")
    return StudyView(study, fabricator.records()), document(
        [study], fabricator.records(), full=True
    )


def with_result(trial: TrialRecord, **changes: Any) -> TrialRecord:
    assert trial.result is not None
    return replace(trial, result=trial.result.model_copy(update=changes))


CROSSED = [(split, seed) for split in range(3) for seed in range(3)]


def test_a_crossed_design_tells_split_from_seed(tmp_path: Path) -> None:
    """Splits 5 points apart have the variance 25; nothing else but the images varies."""
    view, text = study_of(tmp_path, CROSSED, arms=(0.3, 0.5))
    shares, *_ = variance_sentences(view)
    assert re.search(r"9\d% comes from the split", shares)
    assert "0% from order and initialization" in shares
    assert "(3 splits x 3 seeds, the mean of 2 settings; 2,000 test images)" in shares
    assert "(standard deviation 4.9 percentage points)" in shares
    assert shares in text.replace("\n", " ")
    assert "rough" not in text


def test_what_varies_together_is_not_told_apart(tmp_path: Path) -> None:
    view, text = study_of(tmp_path, [(0, 0), (1, 1), (2, 2)])
    said = " ".join(variance_sentences(view))
    assert re.search(r"9\d% comes from split, order and initialization", said)
    assert "(3 splits and 3 seeds; 2,000 test images)" in said
    assert "cannot be told apart; “cifarkit sweep data-seed 0 1 2 --seeds 3” tells" in said
    assert "With 3 runs, these shares are rough." in said
    assert "cannot be told apart" in text


def test_seeds_of_one_split_and_splits_of_one_seed(tmp_path: Path) -> None:
    view, _ = study_of(tmp_path / "seeds", [(0, 0), (0, 1)], split_points=0, seed_points=5)
    said = " ".join(variance_sentences(view))
    assert re.search(r"9\d% comes from order and initialization", said)
    assert "There is one split" in said
    view, _ = study_of(tmp_path / "splits", [(0, 0), (1, 0)])
    said = " ".join(variance_sentences(view))
    assert re.search(r"9\d% comes from the split", said)
    assert "There is one seed" in said


def test_trainings_that_went_wrong_are_left_out(tmp_path: Path) -> None:
    """One that was cut short still says how runs vary; one that diverged does not."""
    view, _ = study_of(tmp_path, CROSSED)
    short = {name: with_result(trial, best_epoch=10) for name, trial in view.records.items()}
    (arm,) = StudyView(view.study, short).results
    assert "cut short" in arm.flaws
    assert variance_sentences(StudyView(view.study, short)) == variance_sentences(view)
    diverged = view.study.arms[0].trials[0]
    broken = short | {diverged: with_result(short[diverged], course=DIVERGED)}
    said = variance_sentences(StudyView(view.study, broken))
    assert said[-1] == "Left out: 1 training that went wrong."


def test_a_single_run_says_nothing(tmp_path: Path) -> None:
    view, _ = study_of(tmp_path, [(0, 0)], arms=(0.3, 0.5))
    assert variance_sentences(view) == []


def test_splits_are_arms_that_are_not_compared(tmp_path: Path) -> None:
    """`sweep data-seed`: what a split scores by chance is no reason to prefer it."""
    view, _ = study_of(tmp_path, CROSSED)
    (arm,) = view.study.arms
    arms = [
        Arm(label=str(n), settings={"data_seed": n}, trials=arm.trials[3 * n : 3 * n + 3])
        for n in range(3)
    ]
    study = view.study.model_copy(update={"axes": ("data_seed",), "arms": tuple(arms)})
    view = StudyView(study, view.records)
    assert conclusions(view).sentences == ()
    assert "(3 splits x 3 seeds; 2,000 test images)" in variance_sentences(view)[0]

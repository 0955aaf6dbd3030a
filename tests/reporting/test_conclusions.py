"""What the data supports, from predictions in the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cifarkit.reporting.conclusions import conclusions
from cifarkit.reporting.document import document
from cifarkit.trials.record import Arm, StudyRecord
from tests.reporting.fabricate import Fabricator, result

IMAGES = 800


def sweep(fabricator: Fabricator, *shares: float) -> tuple[StudyRecord, list[str]]:
    arms, trials = [], []
    for number, share in enumerate(shares):
        settings = {"dropout": round(0.1 * (number + 1), 1)}
        trial = fabricator.trial({"model": "vgg16", **settings}, result(test_images=IMAGES))
        fabricator.predictions(trial, np.arange(IMAGES) < share * IMAGES)
        arms.append(Arm(label=str(settings["dropout"]), settings=settings, trials=(trial,)))
        trials.append(trial)
    return fabricator.study("dropout", "sweep", ["dropout"], arms, "Dropout"), trials


def test_a_clear_difference_is_concluded_and_a_small_one_is_not(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, _ = sweep(fabricator, 0.80, 0.802, 0.50)
    text = " ".join(conclusions(study, fabricator.records()))
    assert "dropout 0.2" in text
    assert "not distinguishable" in text
    assert "0.2 is better than 0.3" in text
    assert "What the data supports" in document([study], fabricator.records())


def test_other_images_are_not_compared(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, trials = sweep(fabricator, 0.8, 0.5)
    fabricator.predictions(trials[1], np.ones(IMAGES // 2, bool))
    assert "different test images" in " ".join(conclusions(study, fabricator.records()))


def test_unreadable_predictions_are_named_and_left_out(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, trials = sweep(fabricator, 0.8, 0.5, 0.6)
    (fabricator.store.folder(trials[2]) / "predictions.npz").write_bytes(b"PK torn")
    text = " ".join(conclusions(study, fabricator.records()))
    assert f"no predictions could be read: 0.3 (trial {trials[2]})." in text


def test_without_predictions_nothing_is_concluded(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    trial = fabricator.trial({"model": "vgg16"})
    arms = [Arm(label="vgg16", settings={"model": "vgg16"}, trials=(trial,))]
    study = fabricator.study("zoo", "zoo", ["model"], arms)
    assert conclusions(study, fabricator.records()) == []
    assert "What the data supports" not in document([study], fabricator.records())

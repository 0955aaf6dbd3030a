"""What is wrong with a training that completed is found, and nothing that is sound."""

from pathlib import Path
from typing import Any

import pytest

from cifarkit.reporting.study_tables import summary
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import Course, TrialRecord
from cifarkit.store.store import write_history
from cifarkit.store.training_checks import findings, summarize
from tests.reporting.fabricate import Fabricator, history, result

CHANCE = 0.1


def went(*losses: float, accuracy: float = 0.9) -> Course | None:
    return summarize([{"loss": loss, "accuracy": accuracy} for loss in losses], CHANCE)


def trained(folder: Path, validation: float = 0.7, **changes: Any) -> TrialRecord:
    made = result(epochs=10, class_names=tuple("abcdefghij"), **changes)
    scores = made.accuracy.model_copy(update={"validation": validation})
    fabricator = Fabricator(folder)
    made = made.model_copy(update={"accuracy": scores, "validation_images": 100})
    spec = {"model": "vgg16", "classes": 10, "head_outputs": 10, "epochs": 10}
    return fabricator.store.read(fabricator.trial(spec, made))


@pytest.mark.parametrize(
    ("validation", "run", "kinds"),
    [
        (0.7, went(2.0, 1.0, 0.5), []),
        (0.1, went(2.0, 1.0, 0.5), ["at chance"]),
        (0.12, went(2.0, 1.0, 0.5), ["at chance"]),
        (0.2, went(2.0, 1.0, 0.5), []),
        # Overfitted, but to something; and a training that has only begun.
        (0.3, went(2.0, 0.5, 0.001, accuracy=1.0), []),
        (0.15, went(2.3, 2.2, 2.0, accuracy=0.2), []),
        (0.1, went(2.31, 2.304, 2.303, accuracy=0.11), ["never fell"]),
        (0.1, went(2.9, 2.31, 2.303, accuracy=0.11), ["never fell"]),
        (0.6, went(2.31, 2.304, 2.303, accuracy=0.11), []),  # as of mixed images
        # What the first epoch learnt need not be learnt again.
        (0.99, went(0.02, 0.02, 0.02, accuracy=0.99), []),
        (0.1, went(2.5, 40.0, 300.0, accuracy=0.12), ["diverged"]),
        (0.6, went(1.2, 0.9, 8.0), ["diverged"]),
        (0.9, went(0.01, 0.02, 0.03, accuracy=0.99), []),
    ],
)
def test_what_is_found(tmp_path: Path, validation: float, run: Course, kinds: list[str]) -> None:
    found = findings(trained(tmp_path, validation, course=run))
    assert [finding.kind for finding in found] == kinds
    assert all(finding.broken for finding in found)


def test_a_training_that_could_have_gone_on_was_cut_short(tmp_path: Path) -> None:
    ended = {"course": went(2.0, 1.0), "best_epoch": 10}
    (found,) = findings(trained(tmp_path / "a", **ended))
    assert found.brief == "cut short at 10 epochs"
    assert not found.broken
    assert findings(trained(tmp_path / "b", **ended), ["epochs"]) == []
    assert findings(trained(tmp_path / "c", course=went(2.0, 1.0), best_epoch=9)) == []


def test_a_result_of_the_first_versions_is_checked_by_its_history(tmp_path: Path) -> None:
    trial = trained(tmp_path, validation=0.1)
    assert trial.result is not None
    assert trial.result.course is None
    assert [finding.kind for finding in findings(trial)] == ["at chance"]
    rows = history(0.7, 10)
    for row in rows:
        row["loss"] *= row["epoch"]
    write_history(trial.folder, rows)
    again = Fabricator(tmp_path).store
    (found, _) = findings(again.read(trial.trial_id, whole=False))
    assert found.kind == "at chance"
    (trial.folder / "history.csv").unlink()
    assert findings(again.read(trial.trial_id, whole=False)) == []


def test_the_row_says_it(tmp_path: Path) -> None:
    from cifarkit.store.study_records import Arm

    fabricator = Fabricator(tmp_path)
    settings = {"model": "vgg16", "epochs": 10}
    trials = [
        fabricator.trial({**settings, "seed": seed}, result(epochs=10, best_epoch=best))
        for seed, best in enumerate((10, 7))
    ]
    arm = Arm(label="VGG-16", settings=settings, trials=tuple(trials))
    study = fabricator.study("zoo", "zoo", ["model"], [arm])
    table = summary(StudyView(study, fabricator.records()))
    assert table.texts()[0][-1] == "1 of 2 cut short at 10 epochs"

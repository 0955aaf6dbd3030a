"""`cifarkit verify` finds whatever a report says that its store does not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import cifarkit as ck
from cifarkit.api import retrain
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.reporting import origin
from cifarkit.store.file_io import write_model
from cifarkit.store.store import Store
from cifarkit.store.study_records import Arm
from tests.cli.command import cifarkit
from tests.cli.stubbed import train_nothing
from tests.reporting.fabricate import Fabricator, hits, result

TEST_IMAGES = 100


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two networks that have 70 and 81 of 100 test images right, with checksums."""
    fabricator = Fabricator(tmp_path / "runs")
    arms = []
    for model, right in (("lenet", 70), ("vgg16", 81)):
        correct = np.arange(TEST_IMAGES) < right
        made = result(accuracy=right / TEST_IMAGES, test_images=TEST_IMAGES, hits=hits(correct))
        trial = fabricator.trial({"model": model}, made)
        fabricator.predictions(trial, correct)
        fabricator.sums(trial)
        arms.append(Arm(label=model, settings={"model": model}, trials=(trial,)))
    fabricator.study("nets", "zoo", ["model"], arms, "Two -- networks")
    return tmp_path / "runs"


WHERE = {
    "markdown": ("0.70 ", "0.79 ", "line"),
    "html": (">0.70<", ">0.79<", "line"),
    "latex": ("0.70", "0.79", "line"),
    "json": ('"value": 0.7,', '"value": 0.79,', "studies[0].claims[0].value"),
}
"""By format, what is changed into what, and what the place begins with."""


@pytest.mark.parametrize("format", WHERE)
def test_every_format_verifies_and_a_changed_number_is_found(
    runs: Path, tmp_path: Path, format: str
) -> None:
    path = tmp_path / "report"
    figures = tmp_path / "figures" if format == "markdown" else None
    ck.report(runs, format=format, path=path, published=True, figures=figures)
    found = ck.verify(path, runs)
    assert (found.differences, found.trials) == ((), 2)
    drawn = ("Of figures, what they show in words is compared, not the drawings.",)
    assert found.notes == (drawn if format in ("markdown", "html") else ())
    old, new, place = WHERE[format]
    text = path.read_text()
    path.write_text(text.replace(old, new, 1))
    (one,) = ck.verify(path, runs).differences
    assert one.place.startswith(place)
    assert "0.79" in one.stated
    assert "0.7" in one.found
    if drawn == found.notes:  # what a figure is said to show is of the store, too
        path.write_text(text.replace("highest 0.81", "highest 0.91", 1))
        (one,) = ck.verify(path, runs).differences
        assert "highest 0.91" in one.stated


def test_the_whole_report_verifies(runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "appendix.md"
    path.write_text(cifarkit("report", "--full", "--runs", runs).stdout)
    assert "How this was measured" in path.read_text()
    done = cifarkit("verify", path, "--runs", runs)
    assert "is what the store gives; the test accuracy of 2 trials was counted again" in done.stderr


def test_a_changed_number_is_shown_with_its_place(runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "appendix.md"
    text = ck.report(runs)
    row = next(line for line in text.splitlines() if re.match(r"\| *lenet\b.*0\.70", line))
    path.write_text(text.replace(row, row.replace("0.70", "0.79"), 1))
    (found,) = ck.verify(path, runs).differences
    assert (found.stated, found.found) == ("0.79", "0.70")
    assert found.place.endswith("lenet")
    done = cifarkit("verify", path, "--runs", runs, code=1)
    assert "\t0.79\t0.70" in done.stdout
    assert "1 difference between" in done.stderr


def test_a_result_that_its_predictions_contradict_is_found(runs: Path, tmp_path: Path) -> None:
    """Even where the checksums were made to fit, and the document says the same."""
    store = Store(runs)
    trial = store.studies()[0].arms[0].trials[0]
    record = store.read(trial)
    assert record.result is not None
    accuracy = record.result.accuracy.model_copy(update={"test": 0.75})
    write_model(
        record.folder / "result.json", record.result.model_copy(update={"accuracy": accuracy})
    )
    path = tmp_path / "appendix.md"
    assert "not readable" in ck.report(runs, path=path)
    (found,) = ck.verify(path, runs).differences  # the checksum differs
    assert "does not match its checksum" in found.found
    fabricator = Fabricator(runs)
    fabricator.sums(trial)
    ck.report(runs, path=path)
    (found,) = ck.verify(path, runs).differences
    assert (found.place, found.stated, found.found) == (
        f"test accuracy of trial {trial}", "0.750000", "0.700000",
    )  # fmt: skip
    (record.folder / "predictions.npz").write_bytes(b"PK")
    fabricator.sums(trial)
    found_without = ck.verify(path, runs)
    assert found_without.trials == 1
    assert found_without.notes[0].startswith("Not counted again: ")


def test_other_studies_of_the_store_change_nothing(runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "appendix.md"
    ck.report(runs, path=path)
    fabricator = Fabricator(runs)
    more = fabricator.trial({"model": "lenet", "seed": 5})
    fabricator.study("more", "single", [], [Arm(label="", settings={}, trials=(more,))])
    assert not ck.verify(path, runs).differences
    ck.rename_study("nets", "renamed", runs)
    with pytest.raises(ck.InvalidInput, match="has no readable study nets"):
        ck.verify(path, runs)


def test_trials_are_trained_again_and_their_predictions_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that always leaves the same predictions: what the store holds, and then does not."""
    train_nothing(monkeypatch)
    monkeypatch.setattr(retrain, "create_launcher", lambda *_: InProcessLauncher())
    runs, path = tmp_path / "runs", tmp_path / "a.md"
    study = ck.sweep({"batch_size": [16, 32]}, model="lenet", dataset="synthetic", classes=4)
    trials = ck.run(study, store=runs).records
    ck.report(runs, path=path)
    found = ck.verify(path, runs, retrain=5)
    assert {one.trial_id for one in found.retrained} == trials.keys()
    assert all(one.equal and one.same_probabilities for one in found.retrained)
    assert found.notes[-1] == "Only 2 could be trained again."
    (trial, record), *_ = trials.items()
    saved = dict(np.load(record.folder / "predictions.npz"))
    saved["predictions"] = saved["predictions"].copy()
    saved["predictions"][:2] = (saved["predictions"][:2] + 1) % 2
    np.savez_compressed(record.folder / "predictions.npz", **saved)
    Fabricator(runs).sums(trial)
    again = ck.verify(path, runs, retrain=2)
    assert [one.changed_predictions for one in again.retrained if one.trial_id == trial] == [2]
    assert any("trained again" in one.place for one in again.differences)
    with pytest.raises(ck.InvalidInput, match="retrain: give a whole number"):
        ck.verify(path, runs, retrain=-1)


@pytest.mark.slow
def test_a_real_training_repeats_to_the_last_bit(tmp_path: Path) -> None:
    runs, path = tmp_path / "runs", tmp_path / "a.md"
    cifarkit(
        "sweep", "batch-size", "16", "--model", "lenet", "--dataset", "synthetic", "--classes", "4",
        "--train-per-class", "20", "--epochs", "2", "--runs", runs,
    )  # fmt: skip
    path.write_text(cifarkit("report", "--runs", runs).stdout)
    done = cifarkit("verify", path, "--runs", runs, "--retrain", "1")
    assert "trained again: the same accuracy and predictions, to the last bit." in done.stderr


@pytest.mark.parametrize(
    "last",
    ["", "x", "<!-- cifarkit report {} -->", "<!-- cifarkit report [[[[ -->",
     '<!-- cifarkit report {"version": 1, "studies": "nets", "published": 0} -->'],
)  # fmt: skip
def test_a_document_that_does_not_say_what_it_is_of_is_refused(last: str, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(f"# Title\n\n{last}\n")
    assert "what it was made from" in cifarkit("verify", path, code=2).stderr


def test_the_line_is_a_comment_whatever_it_holds() -> None:
    line = origin.line(["a--b", "-->"], True, False, "markdown")
    assert line.count("--") == 2
    assert line.count(">") == 2  # one within a text, which cannot end the comment
    made_from = origin.of(f"text\n{line}\n\n")
    assert (made_from.studies, made_from.published) == (("a--b", "-->"), True)
    assert not made_from.full
    assert origin.of(line.replace(', "full": false', "")).full

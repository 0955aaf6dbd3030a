"""`cifarkit predict`, and `cifarkit evaluate` on other data."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import cifarkit as ck
from cifarkit.cli.app import app
from cifarkit.deploy import loading
from cifarkit.deploy.other_data import match
from tests.cli.stubbed import cifarkit, error_of
from tests.deploy.conftest import Trained


@pytest.fixture(autouse=True)
def loaded_once(model: ck.LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "of_trial", lambda record: model)


@pytest.fixture
def predict(trained: Trained) -> Callable[..., str]:
    def run(*arguments: str | Path) -> str:
        done = cifarkit("predict", "best", *arguments, "--runs", trained.runs)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_files_folders_and_patterns(trained: Trained, predict: Callable[..., str]) -> None:
    test = trained.photos / "test"
    folder = [line.split("\t") for line in predict(test / "3", "--top", "2").splitlines()]
    assert folder[0] == ["image", "class_1", "probability_1", "class_2", "probability_2"]
    files = sorted((test / "3").iterdir())
    assert [row[0] for row in folder[1:]] == list(map(str, files))
    pattern = predict(test / "3" / "*.png", files[0], "--top", "2").splitlines()
    assert pattern[1:-1] == ["\t".join(row) for row in folder[1:]]
    assert pattern[-1] == pattern[1]


def test_the_formats_agree(
    trained: Trained, model: ck.LoadedModel, predict: Callable[..., str]
) -> None:
    test = trained.photos / "test"
    found = model.predict(test)
    rows = list(csv.DictReader(io.StringIO(predict(test, "--format", "csv"))))
    assert [row["class_1"] for row in rows] == found.classes
    lines = [json.loads(line) for line in predict(test, "--format", "jsonl").splitlines()]
    assert [line["image"] for line in lines] == list(found.names)
    for line, row in zip(lines, found.top(1), strict=True):
        assert line["classes"][0]["class"] == row[0][0]
        assert line["classes"][0]["probability"] == pytest.approx(row[0][1], abs=1e-5)


def test_a_list_on_standard_input_and_a_bad_image(trained: Trained, tmp_path: Path) -> None:
    good = sorted((trained.photos / "test" / "3").iterdir())[0]
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    done = CliRunner().invoke(
        app,
        ["predict", "best", "-", "--runs", str(trained.runs), "--format", "jsonl"],
        input=f"{good}\n{bad}\n\n{tmp_path / 'gone.png'}\n",
    )
    assert done.exit_code == 0, done.output
    first, *others = map(json.loads, done.stdout.splitlines())
    assert first["image"] == str(good)
    assert [one["image"] for one in others] == [str(bad), str(tmp_path / "gone.png")]
    assert "not an image" in others[0]["error"]
    assert "2 images of 3 left out" in done.stderr
    nothing = cifarkit("predict", "best", bad, "--runs", trained.runs)
    assert nothing.exit_code == 1


@pytest.mark.parametrize(
    ("image", "message"),
    [("gone.png", "there is no image"), ("gone*", "no file is called"), (".", "holds no images")],
)
def test_images_that_are_not_there(
    trained: Trained, tmp_path: Path, image: str, message: str
) -> None:
    done = cifarkit("predict", "best", tmp_path / image, "--runs", trained.runs)
    assert message in error_of(done)


def test_names_are_safe_in_a_spreadsheet() -> None:
    found = ck.Predicted(("=1+1", "b\tc"), np.array([[1.0], [1.0]], np.float32), ("-x",))
    assert found.document("csv").splitlines()[1:] == ["'=1+1,'-x,1.0000", "b c,'-x,1.0000"]
    assert found.document().splitlines()[1:] == ["=1+1\t-x\t1.0000", "b c\t-x\t1.0000"]


def test_its_own_data_gives_the_trials_scores(trained: Trained) -> None:
    own = ck.evaluate("best", trained.runs)
    other = ck.evaluate("best", trained.runs, dataset=trained.photos)
    for name, value in own.metrics.items():
        if name != "validation_accuracy":
            assert other.metrics[name] == pytest.approx(value, abs=2e-3), name
    assert "on the test images of its own data, digits" in other.document()


def test_other_data_is_matched_by_name(
    trained: Trained, model: ck.LoadedModel, tmp_path: Path
) -> None:
    """Two of the digits, one respelled, and a class that the network does not know."""
    other = tmp_path / "other"
    for name, digit in (("3", "3"), ("_5", "5"), ("owl", "7")):
        shutil.copytree(trained.photos / "test" / digit, other / name)
    found = ck.evaluate("best", trained.runs, dataset=other)
    known = [trained.photos / "test" / digit for digit in "35"]
    predicted = model.predict(known)
    labels = np.repeat([3, 5], 4)
    assert found.metrics["test_images"] == 8
    assert found.accuracy == np.mean(predicted.labels == labels)
    text = " ".join(found.document().split())
    assert "1 class of the data that the network does not know" in text
    assert "owl" in text
    assert r"\_5 as 5" in text
    assert "8 classes of the network without an image in the data: 0, 1, 2, 4, 6, 7, 8, 9" in text
    assert "on all images of other" in text


def test_matching_by_hand() -> None:
    network = ("sea lion", "Tabby Cat", "dog")
    found = match(network, ("dog", "sea_lion", "fox"), "pets")
    assert found.labels == (2, 0, -1)
    assert [note.split(":")[1] for note in found.notes] == [
        " fox.", " sea_lion as sea lion.", " Tabby Cat.",
    ]  # fmt: skip
    with pytest.raises(ck.InvalidInput, match="no class of pets"):
        match(network, ("fox", "cow"), "pets")
    with pytest.raises(ck.InvalidInput, match="are one class of the network"):
        match(network, ("tabby cat", "Tabby-Cat"), "pets")

"""`--dry-run` shows what the trials differ in, step by step."""

import re
from pathlib import Path

import pytest

from cifarkit.api.plan import TrialCost, plan_trials
from cifarkit.api.planned_study import PlannedStudy
from cifarkit.api.studies import study, sweep, zoo
from cifarkit.cli.dry_run import show_plan
from tests.cli.command import cifarkit, table

STEPS = """
name = "steps"
title = "Steps"
settings = {dataset = "synthetic", classes = 4, model = "resnet8", weights = "none", epochs = 1}

[[step]]
title = "Dropout"
vary.dropout = [0.2, 0.5]
assume.dropout = 0.5

[[step]]
title = "Batch size"
vary.batch-size = [32, 128]
assume.batch-size = 128
"""


def planned_trials(planned: PlannedStudy, store: Path) -> list[TrialCost]:
    return plan_trials(planned.steps(), planned.inputs, store)


def columns(text: str) -> list[dict[str, str]]:
    """The rows of the tables in a piped output, by heading."""
    rows: list[dict[str, str]] = []
    for row in table(text):
        if row[-1] == "Trial":
            header = row
        else:
            rows.append(dict(zip(header, row, strict=True)))
    return rows


def test_the_zoo_shows_every_setting_that_differs_and_its_head(tmp_path: Path) -> None:
    """LeNet has no fixed weights; DenseNet121 has the 83,648 statistics of its BatchNorm."""
    zoo = ("zoo", "--classes", "80", "--models", "lenet,densenet121", "--runs", tmp_path)
    done = cifarkit(*zoo, "--dry-run")
    lenet, densenet = columns(done.stdout)
    assert "2 trials, none run" in done.stderr
    differ = ("Weights", "Image size (px)", "Dropout", "BatchNorm", "Learning rate")
    assert [lenet[name] for name in differ] == ["none", "32", "0", "keras", "1e-3"]
    assert [densenet[name] for name in differ] == ["imagenet", "78", "0.5", "precise", "2.5e-5"]
    assert list(lenet) == [
        *("Model", *differ, "Head outputs", "Parameters", "Trainable", "Not trainable"),
        *("Est. memory MB", "At most", "Trial"),
    ]
    assert lenet["Head outputs"] == densenet["Head outputs"] == "80"
    # The published 723,180 and 7,140,004 have 20 outputs more, of 201 and of 1,025 weights.
    assert lenet["Parameters"] == lenet["Trainable"] == f"{723_180 - 20 * 201:,}"
    assert densenet["Parameters"] == f"{7_140_004 - 20 * 1025:,}"
    assert (lenet["Not trainable"], densenet["Not trainable"]) == ("0", "83,648")


def test_a_trial_of_two_steps_is_listed_in_both_and_counted_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "steps.toml"
    file.write_text(STEPS)
    show_plan(planned_trials(study(file), tmp_path / "runs"), several_steps=True)
    shown = capsys.readouterr()
    assert "3 trials, none run" in shown.err
    rows = columns(shown.out)
    assert [row["Step"] for row in rows] == ["Dropout"] * 2 + ["Batch size"] * 2
    assert [row.get("Dropout", row.get("Batch size")) for row in rows] == [
        "0.2",
        "0.5",
        "32",
        "128",
    ]
    assert rows[3]["Trial"] == rows[1]["Trial"]
    assert [row["At most"] for row in rows] == ["", "", "", "as in Dropout"]


def test_seeds_and_amounts_of_augmentation_are_columns_where_they_differ(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    common = {"model": "resnet8", "dataset": "synthetic", "classes": 4}
    planned = sweep("augment", True, False, seeds=2, **common)
    show_plan(planned_trials(planned, tmp_path), several_steps=False)
    rows = columns(capsys.readouterr().out)
    assert [(row["Augmentation"], row["Seed"]) for row in rows] == [
        *(("yes", "0"), ("yes", "1"), ("no", "0"), ("no", "1")),
    ]
    assert "Rotation" not in rows[0]
    show_plan(planned_trials(sweep("rotation", 0.1, 0.2, **common), tmp_path), several_steps=False)
    assert [row["Rotation"] for row in columns(capsys.readouterr().out)] == ["0.1", "0.2"]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_terminal_shows_every_column_whole(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    made = zoo(["vgg16", "lenet", "densenet121"], dataset="synthetic", classes=80)
    trials = planned_trials(made, tmp_path)
    show_plan(trials, several_steps=False)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= width
    for text in ("BatchNorm", "Learning", "imagenet", "14,755,728", "7,035,856", "83,648"):
        assert text in shown
    assert all(trial.trial in shown for trial in trials if trial.trial)
    assert "In all rows: Head outputs 80." in shown
    assert ("(continued)" in shown) == (width < 200)

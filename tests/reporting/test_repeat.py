"""The command lines that a report gives plan the very same trials."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cifarkit.cli import run_study
from cifarkit.cli.app import app
from cifarkit.reporting import checklist, repeat
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Table
from cifarkit.store.records import Status
from cifarkit.store.study_records import Arm
from tests.reporting.fabricate import Fabricator, make_store


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The trials that a command line would run."""
    found: list[Any] = []
    monkeypatch.setattr(run_study, "execute", lambda study, **_: found.append(study))

    def plan(line: str) -> set[str]:
        program, *words = shlex.split(line)
        assert program == "cifarkit"
        app(words, standalone_mode=False)
        return {spec.trial_id for spec in found.pop().specs()}

    return plan


@pytest.mark.parametrize("kind", ["zoo", "finetune", "dropout", "batch_size", "learning_rate"])
def test_the_command_of_a_study_plans_its_trials(planned: Any, tmp_path: Path, kind: str) -> None:
    store, (study,) = make_store(tmp_path, (kind,))
    records = {record.trial_id: record for record in store.records()}
    assert planned(repeat.command(StudyView(study, records))) == records.keys()


@pytest.mark.parametrize(
    ("settings", "axes"),
    [
        ({"model": "densenet121", "rotation": 0.2, "data_seed": 3}, {"augment": (True, False)}),
        ({"optimizer": "adamw", "class_seed": 5, "trivialaugment": True}, {"model": ("vgg16",)}),
        ({"dropout": 0.3, "unfreeze": 0.2}, {"model": ("lenet", "densenet121")}),
        ({"model": "vgg16", "flip": False, "weights": "none"}, {"mixup": (0, 1), "ema": (0, 0.9)}),
        ({"model": "lenet", "class_names": ("apple", "sweet_pepper"), "classes": 2}, {}),
    ],
)  # fmt: skip
def test_settings_are_written_out(
    planned: Any, tmp_path: Path, settings: dict[str, Any], axes: dict[str, tuple[Any, ...]]
) -> None:
    fabricator = Fabricator(tmp_path)
    grid: list[dict[str, Any]] = [{}]
    for axis, values in axes.items():
        grid = [one | {axis: value} for one in grid for value in values]
    arms = []
    for varied in grid:
        # What a network has no use for is its own, as completing a command's settings does.
        ids = [fabricator.trial(settings | varied | {"seed": seed}) for seed in range(2)]
        arms.append(Arm(label=str(varied), settings=varied, trials=tuple(ids)))
    study = fabricator.study("made-up", "sweep" if axes else "single", list(axes), arms)
    line = repeat.command(StudyView(study, fabricator.records()))
    assert "--seeds 2" in line
    assert planned(line) == fabricator.records().keys()


def test_what_no_single_command_repeats_is_said(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path, ("resize",))
    view = StudyView(study, {record.trial_id: record for record in store.records()})
    assert repeat.command(view) == ""  # InceptionV3 at one size only
    last = repeat.blocks([view])[-1]
    assert getattr(last, "text", "") == "No single command repeats Image size."
    given = study.model_copy(update={"command": "cifarkit study quick --runs '/home/a b'"})
    texts = [getattr(block, "text", "") for block in repeat.blocks([StudyView(given, {})])]
    assert "cifarkit study quick" in texts


def test_the_checklist_says_what_the_intervals_are_of(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    ids = [fabricator.trial({"model": "lenet", "seed": seed}) for seed in range(3)]
    ids.append(fabricator.trial({"model": "lenet", "seed": 3}, None, Status.FAILED))
    arms = [Arm(label="LeNet", settings={"model": "lenet"}, trials=tuple(ids))]
    study = fabricator.study("nets", "zoo", ["model"], arms)
    table, left = checklist.blocks([StudyView(study, fabricator.records())])
    assert isinstance(table, Table)
    answers = dict(table.texts())
    assert answers["7 Statistical significance"].startswith("Yes: 3 seeds per setting; 95%")
    # Each fabricated trial took 120 s.
    assert answers["8 Compute resources"].startswith("Yes: 3 trainings, 0.1 hours of wall-clock")
    assert "1 other trial, without a result" in answers["8 Compute resources"]
    assert answers["12 Licenses of existing assets"].startswith("No pretrained weights")
    numbers = re.findall(r"\d+", " ".join([*answers, getattr(left, "text", "")]))
    assert sorted(map(int, numbers)) == list(range(1, 17))

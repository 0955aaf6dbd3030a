"""`--seeds auto`: seeds are added until the settings are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

import cifarkit as ck
from cifarkit.errors import InvalidInput
from cifarkit.store.store import Store
from tests.cli.stubbed import cifarkit, error_of, train_nothing
from tests.execution import graded_work

TRIAL = {"model": "lenet", "dataset": "synthetic", "classes": 4, "train_per_class": 20}
SWEEP = ("sweep", "optimizer", "adam", "adamw", "sgd", "rmsprop", "--model", "lenet",
         "--dataset", "synthetic", "--classes", "4", "--train-per-class", "20")  # fmt: skip
AUTO = (*SWEEP, "--seeds", "auto", "--max-seeds", "6")


@pytest.fixture(autouse=True)
def _train_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    train_nothing(monkeypatch, "tests.execution.graded_work:graded")
    monkeypatch.chdir(tmp_path)


def ok(*arguments: str) -> str:
    done = cifarkit(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout + done.stderr


def trials() -> list[tuple[str, ...]]:
    (study,) = Store("runs").studies()
    return [arm.trials for arm in study.arms]


def test_only_the_arms_in_question_get_more_seeds() -> None:
    text = ok(*AUTO)
    assert [len(arm) for arm in trials()] == [6, 6, 3, 3]
    assert "shown worse: optimizer sgd and optimizer rmsprop. Going on to 4 seeds" in text
    assert "That is the limit; the comparison is not settled." in text
    report = ok("report")
    assert "2.5% at 3, 0.83% at 4 and 1.7% at 6" in report
    assert "At the limit of 6 seeds it was not settled, with 18 runs" in report
    assert "the highest mean accuracy of the 2 left of 4" in report
    assert report.count("; shown with 3 seeds each)") == 2
    assert "is not distinguishable from optimizer" in report
    assert "for all 6 pairs and 3 looks at once" in ok("report", "--full")


def test_a_settled_comparison_ends_early() -> None:
    study = ck.sweep("optimizer", "adam", "sgd", "rmsprop", seeds="auto", **TRIAL)
    done = ck.run(study)
    assert [len(arm) for arm in trials()] == [3, 3, 3]
    assert len(done.statuses) == 9
    text = " ".join(done.conclusions)
    assert "settled at 3 seeds, with 9 runs" in text
    assert "So optimizer adam is the best of these 3." in text


@pytest.mark.parametrize("killed_at", [0, 5, 12, 13, 17])
def test_killed_anywhere_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(graded_work, "KILL_AT", killed_at)
    assert cifarkit(*AUTO).exit_code == 130
    if killed_at > 12:
        assert "is not complete" in ok("report")
    monkeypatch.undo()
    train_nothing(monkeypatch, "tests.execution.graded_work:graded")
    ok(*AUTO)
    assert [len(arm) for arm in trials()] == [6, 6, 3, 3]
    listed = {trial for arm in trials() for trial in arm}
    assert {path.name for path in Path("runs/trials").iterdir() if path.is_dir()} == listed
    assert {path.read_text() for path in Path("runs/trials").glob("*/ran")} == {"x"}


def test_failed_trials_hold_up_nothing_and_are_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = {("rmsprop", seed) for seed in range(3)}
    monkeypatch.setattr(graded_work, "FAILS", {("adam", 1), ("adamw", 4), *every})
    assert cifarkit(*AUTO).exit_code == 1
    assert [len(arm) for arm in trials()] == [6, 6, 3, 3]
    report = ok("report")
    assert "Optimizer rmsprop has no finished run and is left out." in report
    assert "At the limit of 6 seeds it was not settled, with 13 runs" in report
    monkeypatch.setattr(graded_work, "FAILS", set())
    ok(*AUTO)
    assert "At the limit of 6 seeds it was not settled, with 18 runs" in ok("report")


def test_more_seeds_that_someone_ran_change_no_verdict() -> None:
    ok(*AUTO)
    verdict = "; shown with 3 seeds each)"
    before = [part for part in ok("report").split(". ") if verdict in part]
    ok(*SWEEP, "--seeds", "5")
    report = ok("report")
    assert [len(arm) for arm in trials()] == [6, 6, 5, 5]
    assert [part for part in report.split(". ") if verdict in part] == before
    assert "optimizer sgd has 5, of which 3 count" in report


def test_the_limit_is_fixed_when_the_study_begins() -> None:
    ok(*AUTO)
    message = error_of(cifarkit(*SWEEP, "--seeds", "auto"))
    assert "was begun with at most 6 seeds" in message
    assert "not 10" in message


def test_a_dry_run_says_the_first_look_and_the_most() -> None:
    done = cifarkit(*AUTO, "--dry-run")
    assert "12 trials, none run" in done.stderr
    assert "24 trials if everywhere" in done.stderr
    plan = ck.sweep("optimizer", "adam", "sgd", seeds="auto", **TRIAL).plan()
    assert list(plan["status"]) == [*[""] * 3, *["if needed"] * 7] * 2


FILE = """
name = "tiny"
title = "Tiny"
seeds = "auto"
max_seeds = 4
settings = {dataset = "synthetic", classes = 4, train-per-class = 20, model = "lenet"}
[[step]]
title = "Optimizer"
vary.optimizer = ["adam", "adamw", "rmsprop"]
[[step]]
title = "Final"
choose = false
"""


def test_a_study_file(tmp_path: Path) -> None:
    Path("tiny.toml").write_text(FILE)
    ok("study", "tiny.toml")
    first, last = Store("runs").studies()
    assert [len(arm.trials) for arm in first.arms] == [4, 4, 3]
    assert [len(arm.trials) for arm in last.arms] == [3]  # nothing to compare
    assert "How many seeds a setting got was decided on test images." in ok("report")
    ok("study", "tiny.toml", "--seeds", "2", "--runs", "fixed")
    assert [len(arm.trials) for arm in Store("fixed").studies()[0].arms] == [2, 2, 2]
    planned = ck.study("tiny.toml", max_seeds=8)
    assert len(planned.specs()) == 3 * 8


def test_bad_values_are_refused() -> None:
    for seeds in ("0", "many", "2.5"):
        assert cifarkit(*SWEEP, "--seeds", seeds).exit_code == 2
    assert "max_seeds: 4 is for seeds='auto'" in error_of(cifarkit(*SWEEP, "--max-seeds", "4"))
    with pytest.raises(InvalidInput, match="max_seeds: give a whole number of 3 or more"):
        ck.sweep("dropout", 0.1, 0.2, seeds="auto", max_seeds=2)
    with pytest.raises(InvalidInput, match="or 'auto', got 'many'"):
        ck.sweep("dropout", 0.1, 0.2, seeds="many")  # type: ignore[arg-type]
    Path("bad.toml").write_text(FILE.replace('"auto"', "0"))
    message = "seeds: give a whole number from 1 to 100, or 'auto', got 0"
    assert message in error_of(cifarkit("study", "bad.toml"))
    Path("bad.toml").write_text(FILE.replace('"auto"', "3"))
    assert "max_seeds 4: it limits seeds = 'auto'" in error_of(cifarkit("study", "bad.toml"))

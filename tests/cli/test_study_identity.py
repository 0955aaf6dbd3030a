"""A study is what it compares and on what: nothing that was run disappears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cifarkit.execution import runner
from cifarkit.store.store import Store
from cifarkit.store.studies import register, set_choice, trials_of
from cifarkit.studies.completion import trial_spec
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.sweep import sweep
from tests.cli.stubbed import cifarkit, error_of, headings, train_nothing

T = ("--dataset", "synthetic", "--weights", "none", "--classes", "4", "--train-per-class", "20",
     "--epochs", "2")  # fmt: skip
SWEEP = ("sweep", "lr", "1e-2", "1e-3", "--model", "lenet", *T)

WHOLE = """
name = "tiny"
title = "Tiny"
settings = {dataset = "synthetic", classes = 3, train-per-class = 10, weights = "none", epochs = 1,
            model = "lenet"}
[[step]]
title = "Rate"
vary.learning-rate = [0.01, 0.001]
[[step]]
title = "Batch"
vary.batch-size = [16, 32]
[[step]]
title = "Final"
choose = false
""".replace("\n            model", " model")


@pytest.fixture(autouse=True)
def _train_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    train_nothing(monkeypatch)
    monkeypatch.chdir(tmp_path)


def ok(*arguments: str | Path) -> str:
    done = cifarkit(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout + done.stderr


def studies() -> list[str]:
    return [study.name for study in Store("runs").studies()]


def reported() -> set[str]:
    """The trials that the report knows of."""
    rows = cifarkit("report", "--format", "csv").stdout.splitlines()
    column = rows[0].split(",").index("trial")
    return {row.split(",")[column] for row in rows[1:]}


def test_another_value_setting_or_order_is_in_the_report_too() -> None:
    ok(*SWEEP)
    ok("sweep", "lr", "3e-2", "3e-3", "--model", "lenet", *T)
    ok(*SWEEP, "--optimizer", "sgd")
    ok("sweep", "lr", "1e-3", "1e-2", "--model", "lenet", *T)  # the first one, turned
    ok(*SWEEP)  # and turned back
    assert len(studies()) == 3
    assert reported() == set(Store("runs").trial_ids())
    assert len(reported()) == 6
    report = cifarkit("report", "--full")
    assert headings(report) == [
        "Learning rate (learning rate 0.01, 1e-3, optimizer adam)",
        "Learning rate (learning rate 0.03, 3e-3)",
        "Learning rate (learning rate 0.01, 1e-3, optimizer sgd)",
    ]
    captions = [line for line in report.stdout.splitlines() if line.startswith("**Table")]
    assert sum("optimizer sgd" in line for line in captions) >= 3


def test_networks_apart_and_together() -> None:
    for models in ("lenet", "simple_cnn", "lenet,simple_cnn"):
        ok("zoo", "--models", models, *T)
    ok("sweep", "model", "lenet", "simple_cnn", *T)
    assert len(studies()) == 3  # the sweep is the zoo of both
    assert headings(cifarkit("report"))[:2] == [
        "Comparison of networks (LeNet)",
        "Comparison of networks (Simple CNN)",
    ]


def test_folders_with_equally_many_classes() -> None:
    for folder in ("photos", "photos-b"):
        images, labels = np.zeros((40, 8, 8, 3), np.uint8), np.arange(40) % 4
        images[:, :4] = 50 * labels[:, None, None, None] + (folder == "photos")
        Path(folder).mkdir()
        np.savez(Path(folder, "d.npz"), x_train=images, y_train=labels, x_test=images[::2] + 1,
                 y_test=labels[::2])  # fmt: skip
        ok("zoo", "--models", "lenet", "--dataset", f"{folder}/d.npz", "--epochs", "1")
    assert len(studies()) == 2
    one, other = headings(cifarkit("report"))
    assert one != other
    assert "(images " in one


def test_seeds_extend_a_study_and_fewer_take_none_away() -> None:
    ok(*SWEEP)
    (one,) = Store("runs").studies()
    ok(*SWEEP, "--seeds", "3")
    (three,) = Store("runs").studies()
    said = ok(*SWEEP, "--seeds", "2")
    (again,) = Store("runs").studies()
    assert [len(arm.trials) for arm in three.arms] == [3, 3]
    assert again == three
    assert "--seeds 3" in again.command
    assert "lists 2 trials of earlier runs with more seeds" in said
    assert three.created_at == one.created_at
    store = Store("runs")
    for arm in three.arms:
        assert [store.read(trial).spec.train.seed for trial in arm.trials] == [0, 1, 2]


def test_a_name_is_kept_and_is_not_given_away() -> None:
    ok(*SWEEP, "--name", "rates")
    ok(*SWEEP, "--seeds", "2")  # the same study, by what it compares
    assert studies() == ["rates"]
    before = Store("runs").studies()
    for arguments, said in (
        ((*SWEEP, "--optimizer", "sgd"), "optimizer adam, now sgd"),
        (("sweep", "lr", "1", "2", "--model", "lenet", *T), "other rows (0.001, 0.01; here 1.0, 2"),
        (("zoo", "--models", "lenet", *T), "other kind (sweep; here zoo)"),
    ):
        for dry in ((), ("--dry-run",)):
            done = cifarkit(*arguments, "--name", "rates", *dry)
            assert said in error_of(done)
            assert "choose another name" in error_of(done)
    assert Store("runs").studies() == before
    assert len(Store("runs").trial_ids()) == 4
    ok(*SWEEP, "--optimizer", "sgd")
    ok(*SWEEP, "--optimizer", "sgd", "--name", "rates-sgd")  # names the one that has no name yet
    assert studies() == ["rates", "rates-sgd"]


@pytest.mark.parametrize("name", ["../x", "a b", "", "x" * 101, "beef", "é"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    assert "--name" in error_of(cifarkit(*SWEEP, "--name", name))
    assert not Path("runs").exists()


def test_store_lists_shows_renames_and_removes_studies() -> None:
    ok(*SWEEP)
    ok(*SWEEP, "--optimizer", "sgd")
    first, second = studies()
    listing = ok("store", "studies")
    assert "Learning rate (optimizer sgd)" in listing
    assert listing.count("2 of 2 complete") == 2
    shown = ok("store", "show", first)
    assert "Optimizer" in shown
    assert all(trial in shown for trial in trials_of(Store("runs").studies()[0]))
    ok("store", "rename", first, "mine")
    assert "choose another" in error_of(cifarkit("store", "rename", second, "mine"))
    assert "did you mean" in error_of(cifarkit("store", "rename", "mime", "x"))
    assert "could be the id of a trial" in error_of(cifarkit("store", "rename", second, "abc"))
    ok(*SWEEP, "--seeds", "2")
    assert studies() == ["mine", second]
    assert "its trials stay in the store" in ok("store", "remove", second)
    assert studies() == ["mine"]
    assert len(Store("runs").trial_ids()) == 6
    assert "no study lists them: 2 trials" in ok("report")
    assert "no study lists" not in ok("report", "--study", "mine")
    trial = Store("runs").trial_ids()[0]
    assert trial in ok("store", "show", trial[:6])


def test_the_name_without_its_digits_still_finds_a_study() -> None:
    ok(*SWEEP)
    old = "sweep-learning-rate-lenet-synthetic-4"
    ok("report", "--study", old)
    ok("evaluate", "best", "--study", old)
    ok(*SWEEP, "--optimizer", "sgd")
    assert len(headings(cifarkit("report", "--study", old))) == 2
    assert "may be any of" in error_of(cifarkit("evaluate", "best", "--study", old))
    assert "unknown --study" in error_of(cifarkit("report", "--study", "nothing"))


def test_what_comes_from_elsewhere_stands_beside_what_is_here() -> None:
    ok(*SWEEP, "--name", "rates")
    ok("zoo", "--models", "lenet", *T)
    ok(*SWEEP, "--optimizer", "sgd", "--name", "rates", "--runs", "theirs")
    ok("zoo", "--models", "lenet", *T, "--seeds", "2", "--name", "our-zoo", "--runs", "theirs")
    ok("store", "export", "a.tar.gz", "--runs", "theirs")
    said = ok("store", "import", "a.tar.gz")
    assert "3 trials, 2 studies added" in said  # one new, one extended by a seed
    assert reported() == set(Store("runs").trial_ids())
    found = {study.name: study for study in Store("runs").studies()}
    assert len(found) == 3
    (added,) = (name for name in found if name.startswith("rates-"))
    assert len(added) == len("rates-") + 8
    assert "our-zoo" not in found
    again = ok("store", "import", "a.tar.gz")
    assert "0 trials, 0 studies added" in again
    assert {study.name: study for study in Store("runs").studies()} == found


def test_wholes_of_one_name_and_other_settings() -> None:
    Path("w.toml").write_text(WHOLE)
    ok("study", "w.toml")
    ok("study", "w.toml", "--epochs", "3")
    assert len(studies()) == 6
    assert reported() == set(Store("runs").trial_ids())
    chapters = headings(cifarkit("report"))
    assert len(set(chapters)) == 6
    assert chapters[0] == "Rate (epochs allowed 1)"
    assert chapters[5] == "Final (epochs allowed 3)"
    assert len(headings(cifarkit("report", "--study", "tiny"))) == 6
    before = Store("runs").studies()
    ok("study", "w.toml")
    after = Store("runs").studies()
    assert [study.name for study in after] == [study.name for study in before]
    assert [study.created_at for study in after] == [study.created_at for study in before]


def test_a_named_whole() -> None:
    Path("w.toml").write_text(WHOLE)
    ok("study", "w.toml", "--name", "mine")
    ok("study", "w.toml", "--name", "mine", "--seeds", "2")
    assert {study.part_of for study in Store("runs").studies()} == {"mine"}
    for dry in ((), ("--dry-run",)):
        done = cifarkit("study", "w.toml", "--name", "mine", "--epochs", "3", *dry)
        assert "mine is here a whole study with other settings" in error_of(done)
    assert len(studies()) == 3


def test_a_step_that_comes_out_otherwise_leaves_the_earlier_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cifarkit.studies import pipeline

    Path("w.toml").write_text(WHOLE)
    ok("study", "w.toml")

    class Otherwise(pipeline.Selection):
        def __init__(self, study, records):  # type: ignore[no-untyped-def]
            super().__init__(study, records)
            self.study = study

        def choose(self, **rule):  # type: ignore[no-untyped-def]
            choice = super().choose(**rule)
            if self.study.step != 1:
                return choice
            (other,) = (arm for arm in self.study.arms if arm.label != choice.arm)
            return choice.model_copy(update={"arm": other.label, "settings": other.settings})

    monkeypatch.setattr(pipeline, "Selection", Otherwise)
    ok("study", "w.toml")
    assert len(studies()) == 5
    assert reported() == set(Store("runs").trial_ids())
    report = cifarkit("report").stdout
    assert report.count("This step was also run with other trials") == 4
    assert "## Batch (learning rate 0.01)" in report
    assert "## Batch (learning rate 1e-3)" in report


def test_a_choice_and_its_date_stay_until_the_new_one_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("w.toml").write_text(WHOLE)
    ok("study", "w.toml")
    before = Store("runs").studies()
    assert before[0].choice is not None

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cifarkit.api.run.run_trials", interrupted)
    assert cifarkit("study", "w.toml", "--seeds", "2").exit_code == 130
    after = Store("runs").studies()
    assert after[0].choice == before[0].choice
    assert after[0].created_at == before[0].created_at
    assert [len(arm.trials) for arm in after[0].arms] == [2, 2]
    monkeypatch.setattr("cifarkit.api.run.run_trials", runner.run)
    ok("study", "w.toml", "--seeds", "2")


def test_commands_at_the_same_time_lose_no_seed() -> None:
    from concurrent.futures import ThreadPoolExecutor

    def run(seeds: int) -> None:
        study = sweep(
            {"dataset": "synthetic", "model": "lenet"},
            {"learning_rate": [1, 2]},
            inputs=Inputs(),
            seeds=seeds,
        )
        register(Store("runs"), study.record(""))

    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(run, [1, 8, 2, 7, 3, 6, 4, 5]))
        (study,) = Store("runs").studies()
        assert [len(arm.trials) for arm in study.arms] == [8, 8]
        Path("runs/studies", f"{study.name}.json").unlink()


def test_a_record_is_not_replaced_by_another_of_its_name() -> None:
    """Whatever made them of one name."""

    store = Store("runs")
    settings = {"dataset": "synthetic", "model": "lenet"}
    one, other = (
        sweep(settings, {"learning_rate": values}, inputs=Inputs()).record("")
        for values in ([0.1, 0.2], [0.3, 0.4])
    )
    register(store, one)
    entered = register(store, other.model_copy(update={"name": one.name}))
    assert {study.name for study in store.studies()} == {one.name, f"{one.name}-2"}
    assert trials_of(entered) == [
        trial_spec(**settings, learning_rate=rate).trial_id for rate in (0.3, 0.4)
    ]
    from cifarkit.store.study_records import Choice

    set_choice(store, entered.name, Choice(arm="0.3", settings={}, reason="why"))
    assert register(store, other).choice is not None

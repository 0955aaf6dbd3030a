"""`cifarkit evaluate` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.reporting import trial_lookup
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from cifarkit.store.study_records import Arm
from cifarkit.studies.completion import trial_spec
from tests.cli.command import cifarkit
from tests.cli.test_start import imported
from tests.reporting.evaluated_trials import arrays, save, trial
from tests.reporting.fabricate import Fabricator
from tests.reporting.test_formats import markdown_tables


@pytest.fixture
def fabricator(tmp_path: Path) -> Fabricator:
    return Fabricator(tmp_path / "runs")


def test_a_trial_by_the_first_letters_of_its_id(fabricator: Fabricator, tmp_path: Path) -> None:
    made = trial(fabricator)
    figures = tmp_path / "figures"
    runs = fabricator.store.root
    done = cifarkit("evaluate", made[:4], "--runs", runs, "--figures", figures, "--pairs", "2")
    assert done.stderr == ""
    assert done.stdout.startswith(f"# Evaluation of LeNet, trial {made}\n")
    accuracy, _, pairs, *_ = markdown_tables(done.stdout)
    assert accuracy[2] == ["Test, top 1", "0.70", "0.55 to 0.82", "28", "40"]
    assert [row[:2] for row in pairs[2:]] == [["ant", "bee"], ["car", "bus"]]
    for kind in ("confusion", "class-accuracy", "reliability"):
        name = f"trial-{made}-{kind}"
        assert f"({figures}/{name}.png)" in done.stdout
        assert (figures / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_best_is_by_validation_and_says_which(fabricator: Fabricator) -> None:
    trial(fabricator, validation=0.7, seed=1)
    best = trial(fabricator, validation=0.9, seed=2)
    trial(fabricator, validation=0.9, parameters=2000, seed=3)
    fabricator.trial({"model": "lenet"}, state=Status.FAILED, reason="crashed")
    done = cifarkit("evaluate", "best", "--runs", fabricator.store.root, "--format", "json")
    assert json.loads(done.stdout)["trial"] == best
    assert f"best of 3 complete trials: {best} (lenet, validation accuracy 0.900)" in done.stderr


def test_best_is_no_training_that_went_wrong(fabricator: Fabricator) -> None:
    sound = trial(fabricator, validation=0.6, seed=1)
    broken = trial(fabricator, validation=0.9, seed=2)
    path = fabricator.store.folder(broken) / "result.json"
    found = json.loads(path.read_text())
    found["course"] = {
        "first_loss": 2.0,
        "lowest_loss": 1.9,
        "last_loss": 90.0,
        "highest_accuracy": 0.9,
        "chance": 0.1,
    }
    path.write_text(json.dumps(found))
    fabricator.sums(broken)
    done = cifarkit("evaluate", "best", "--runs", fabricator.store.root, "--format", "json")
    assert json.loads(done.stdout)["trial"] == sound


def test_a_predictions_file(tmp_path: Path) -> None:
    save(tmp_path / "predictions.npz", arrays())
    done = cifarkit("evaluate", tmp_path / "predictions.npz", "--format", "html")
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stderr == ""


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("label,prediction\n" + "".join(f"{a},{b}\n" for a, b in rows))
    return path


# 20 boys, 6 of them taken for a man; 20 men, 2 taken for a boy.
BOYS = [("boy", "boy")] * 14 + [("boy", "man")] * 6
MEN = [("man", "man")] * 18 + [("man", "boy")] * 2


def test_a_csv_of_labels_and_predictions(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv", BOYS + MEN)
    done = cifarkit("evaluate", path, "--dataset", "cifar100", "--pair", "man/boy")
    assert done.stderr == ""
    assert "98 classes without a test image: apple, aquarium" in done.stdout
    assert "no probabilities: there is no calibration" in done.stdout
    for absent in ("## Calibration", "likelihood (nats)", "top 5", "Most confident"):
        assert absent not in done.stdout
    assert "## Superclasses" in done.stdout
    accuracy, metrics, pair, *_ = markdown_tables(done.stdout)
    assert accuracy[2][:2] == ["Test, top 1", "0.80"]
    # Balanced: (14 / 20 + 18 / 20) / 2; F1: (28 / 36 + 36 / 44) / 2.
    assert [row[:2] for row in metrics[2:]] == [
        ["Balanced accuracy", "0.800"],
        ["Macro F1", "0.798"],
    ]
    assert [row[:5] for row in pair[2:]] == [
        ["man", "boy", "2", "20", "0.10"],
        ["boy", "man", "6", "20", "0.30"],
    ]
    told = cifarkit("evaluate", path, "--format", "json", "--pair", "boy/man").stdout
    (boy, _) = json.loads(told)["pair"]
    assert boy["image_numbers"] == list(range(14, 20))
    assert json.loads(told)["calibration"] is None


def test_two_files_are_compared_on_the_same_images(tmp_path: Path) -> None:
    first = write_csv(tmp_path / "a.csv", BOYS + MEN)
    second = write_csv(tmp_path / "b.csv", [(a, "boy") for a, _ in BOYS] + MEN)
    done = cifarkit("evaluate", first, second)
    (table,) = markdown_tables(done.stdout)
    assert [row[:2] for row in table[2:]] == [["a.csv", "0.80"], ["b.csv", "0.95"]]
    assert (
        "Of 40 images, 32 were predicted right by both, 0 by a.csv alone, 6 by b.csv alone, and "
        "2 by neither." in done.stdout
    )
    assert "As trained models, b.csv is better than a.csv (by 15.0 percentage points" in done.stdout
    told = json.loads(cifarkit("evaluate", first, second, "--format", "json").stdout)
    assert [one["accuracy"] for one in told["models"]] == [0.8, 0.95]
    other = write_csv(tmp_path / "c.csv", MEN + BOYS)
    done = cifarkit("evaluate", first, other, code=2)
    assert "the true class of row 1 is boy in a.csv and man in c.csv" in done.stderr
    done = cifarkit("evaluate", first, second, "--pair", "boy/man", code=2)
    assert "--pair is for one network" in done.stderr


def test_a_trial_and_a_file_and_all_trials_of_a_study(
    fabricator: Fabricator, tmp_path: Path
) -> None:
    ids = [trial(fabricator, seed=seed) for seed in range(3)]
    better = arrays()
    better["predictions"] = better["labels"]
    better["probabilities"] = np.eye(6, dtype=np.float16)[better["labels"]]
    other = trial(fabricator, saved=better, epochs=7)
    arms = [
        Arm(label="ten", settings={"epochs": 10}, trials=(*ids, "never0000000")),
        Arm(label="seven", settings={"epochs": 7}, trials=(other,)),
    ]
    fabricator.study("small", "sweep", ["epochs"], arms)
    runs = fabricator.store.root

    seeds = cifarkit("evaluate", ids[0], "--runs", runs)
    assert "1 of 4 seeds could not be evaluated" in seeds.stderr
    of_seeds = markdown_tables(seeds.stdout)[2]
    assert [row[:2] for row in of_seeds[2:]] == [
        ["0", "0.70"],
        ["1", "0.70"],
        ["2", "0.70"],
        ["mean of 3 ± sd", "0.70 ± 0.00"],
    ]

    everything = cifarkit("evaluate", "all", "--study", "small", "--runs", runs)
    (table,) = markdown_tables(everything.stdout)
    assert [row[:3] for row in table[2:]] == [
        *(["epochs allowed 10", str(seed), "0.70"] for seed in range(3)),
        ["epochs allowed 10", "mean of 3 ± sd", "0.70 ± 0.00"],
        ["epochs allowed 7", "0", "1.00"],
    ]
    assert "Left out: epochs allowed 10: not run" in everything.stdout
    rows = cifarkit(
        "evaluate", "all", "--study", "small", "--runs", runs, "--format", "csv"
    ).stdout.splitlines()
    assert len(rows) == 5

    labels = arrays()["labels"]
    save(tmp_path / "mine.npz", {"labels": labels, "predictions": labels})
    both = cifarkit("evaluate", ids[0], tmp_path / "mine.npz", "--runs", runs)
    assert f"28 were predicted right by both, 0 by LeNet ({ids[0]}) alone, 12 by mine.npz" in (
        both.stdout
    )


def test_tensorflow_is_not_imported(fabricator: Fabricator, tmp_path: Path) -> None:
    made = trial(fabricator)
    store = ("--runs", str(fabricator.store.root))
    drawn = ("--format", "json", "--figures", str(tmp_path / "figures"))
    assert not imported("evaluate", made, *store, *drawn) & {"tensorflow", "keras"}
    path = write_csv(tmp_path / "p.csv", BOYS)
    assert not imported("evaluate", str(path), "--pair", "boy/man") & {"tensorflow", "keras"}
    assert not imported("evaluate", "--help") & {"tensorflow", "keras", "numpy", "matplotlib"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("best", "--runs", "nowhere"), "there are no results in nowhere; run a study first"),
        (("0123abcd", "--runs", "nowhere"), "there are no results in nowhere"),
        (("nothing.npz",), "there is no file nothing.npz"),
        (("abcd", "--study", "zoo"), "--study chooses among several trials"),
        (("0123abcd", "--class-names", "a,b"), "--class-names and --dataset name the classes of"),
        (("all",), "'all' evaluates the trials of one study: name it with --study"),
        (("p.csv", "--dataset", "cifar1000"), "did you mean 'cifar100'"),
        (("p.csv", "--class-names", "a,a"), "a class is named twice in a, a"),
        (("p.csv",), "there is no file p.csv"),
        (("p.csv.gz",), "predictions are read from .npz, .csv or .parquet files"),
        (("best", "--pairs", "0"), "Invalid value for '--pairs'"),
        (("best", "--format", "word"), "Invalid value for '--format'"),
    ],
)
def test_bad_usage_is_one_clear_message_and_exit_code_2(
    arguments: tuple[str, ...], message: str
) -> None:
    done = cifarkit("evaluate", *arguments, code=2)
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_refusals_of_a_store_end_with_exit_code_2(fabricator: Fabricator) -> None:
    runs = fabricator.store.root
    failed = fabricator.trial({"model": "lenet"}, state=Status.FAILED, reason="crashed: no space")
    done = cifarkit("evaluate", failed, "--runs", runs, code=2)
    assert "is not complete (its status is failed): failed: crashed: no space" in done.stderr
    made = trial(fabricator)
    (fabricator.store.folder(made) / "predictions.npz").write_bytes(b"\x80\x04pickle")
    done = cifarkit("evaluate", made, "--runs", runs, code=2)
    assert "is not a readable predictions file" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def specs_of(count: int) -> dict[str, TrialSpec]:
    """So many different specs by their ids."""
    found = (trial_spec(model="lenet", seed=seed) for seed in range(count))
    return {spec.trial_id: spec for spec in found}


def test_ids_are_found_by_an_unambiguous_prefix(tmp_path: Path) -> None:
    store, specs = Store(tmp_path), specs_of(1_500)
    groups: dict[str, list[str]] = {}
    for trial_id in specs:
        groups.setdefault(trial_id[:4], []).append(trial_id)
    first, second = next(sorted(group) for group in groups.values() if len(group) == 2)
    other = next(group[0] for group in groups.values() if len(group) == 1)
    for trial_id in (first, second, other):
        store.add(specs[trial_id])
    assert trial_lookup.named(store, other[:4]).trial_id == other
    assert trial_lookup.named(store, second).trial_id == second
    wrong = other[:-1] + ("0" if other[-1] != "0" else "1")
    for text, message in [
        (first[:4], f"may be any of 2 trials: {first}, {second}"),
        (other[:3], "is too short for a trial's id"),
        (wrong, f"did you mean '{other}'"),
        ("zzzz", f"there are {', '.join(sorted((first, second, other)))}"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            trial_lookup.named(store, text)


def test_a_long_list_of_ids_is_cut(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for spec in specs_of(20).values():
        store.add(spec)
    with pytest.raises(InvalidInput, match=r"and 12 more$"):
        trial_lookup.named(store, "zzzz")


def test_best_of_a_study(fabricator: Fabricator) -> None:
    overall = trial(fabricator, validation=0.9, seed=1)
    of_study = trial(fabricator, validation=0.5, seed=2, epochs=7)
    failed = fabricator.trial({"model": "lenet"}, state=Status.OOM)
    store = fabricator.store
    arms = [Arm(label="a", settings={}, trials=(of_study, "never0000000"))]
    fabricator.study("small", "sweep", ["epochs"], arms)
    fabricator.study("bad", "sweep", ["epochs"], [Arm(label="a", settings={}, trials=(failed,))])
    fabricator.study("new", "sweep", ["epochs"], [Arm(label="a", settings={})])
    assert trial_lookup.best(store).record.trial_id == overall
    assert trial_lookup.best(store, "small").record.trial_id == of_study
    with pytest.raises(InvalidInput, match="no trial of study 'bad' is complete: 1 oom"):
        trial_lookup.best(store, "bad")
    with pytest.raises(InvalidInput, match=r"no trial of study 'new' is complete$"):
        trial_lookup.best(store, "new")
    with pytest.raises(InvalidInput, match="did you mean 'small'"):
        trial_lookup.best(store, "smal")


def test_best_passes_over_damaged_trials_and_tells(fabricator: Fabricator) -> None:
    kept = trial(fabricator, seed=1)
    other = trial(fabricator, seed=2, validation=0.99)
    trial(fabricator, validation=0.1, data_seed=5)
    (fabricator.store.folder(other) / "result.json").write_text("{")
    found = trial_lookup.best(fabricator.store)
    assert found.record.trial_id == kept
    first, second, third = trial_lookup.described(found)
    assert first.startswith("best of 2 complete trials")
    assert "not comparable" in second
    assert "result.json" in third

"""A whole study: each step builds on what the one before chose, and says why it chose."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cifarkit.api.studies import PlannedStudy
from cifarkit.cli import run_study
from cifarkit.cli.app import app
from cifarkit.errors import InvalidInput
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.tables import summary
from cifarkit.specs import Augmentation, TrialSpec
from cifarkit.store.records import Course, State, Status, TrialRecord
from cifarkit.store.store import Store, write_result
from cifarkit.store.study_records import StudyRecord
from cifarkit.studies.config import PRESETS, StudyFile, read
from cifarkit.studies.pipeline import StepResult, preview, walk
from cifarkit.studies.selection import NothingToChooseFrom, choose
from cifarkit.studies.study import Study
from cifarkit.studies.sweep import sweep
from tests.reporting.fabricate import result

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
IMAGES = 4_000

Score = Callable[[TrialSpec], tuple[float, float]]
"""Validation accuracy and training seconds of a made-up trial."""


def finished(root: Path, spec: TrialSpec, score: tuple[float, float]) -> TrialRecord:
    """A trial that was right on exactly that share of the validation images, taken from the end."""
    accuracy, seconds = score
    store = Store(root)
    folder = store.add(spec)
    store.write_state(spec.trial_id, State(status=Status.COMPLETE, attempts=1))
    write_result(folder, result(accuracy=accuracy - 0.005, time_s=seconds))
    labels = np.zeros(IMAGES, np.int32)
    # The wrong images of two trials overlap by chance, not by construction.
    order = np.random.default_rng(int(spec.trial_id, 16)).permutation(IMAGES)
    predictions = labels.copy()
    predictions[order[: round((1 - accuracy) * IMAGES)]] = 1
    np.savez(
        folder / "predictions.npz",
        labels=labels,
        predictions=predictions,
        probabilities=np.eye(2, dtype=np.float16)[predictions],
        validation_labels=labels,
        validation_predictions=predictions,
    )
    return store.read(spec.trial_id)


def runner(root: Path, score: Score) -> Callable[[Study], tuple[StudyRecord, Mapping]]:
    def run_step(study: Study) -> tuple[StudyRecord, Mapping[str, TrialRecord]]:
        records = {s.trial_id: finished(root, s, score(s)) for s in study.specs()}
        return study.record(""), records

    return run_step


def chosen(root: Path, values: list[float], scores: dict[float, tuple[float, float]]) -> str:
    study = sweep({"model": "vgg16"}, {"dropout": values})
    run_step = runner(root, lambda spec: scores[spec.model.dropout])
    choice = choose(*run_step(study))
    return f"{choice.arm}: {choice.reason}"


def test_the_best_is_chosen_where_it_is_distinguishable(tmp_path: Path) -> None:
    told = chosen(tmp_path, [0.1, 0.5], {0.1: (0.70, 10.0), 0.5: (0.80, 99.0)})
    assert told.startswith("0.5: highest validation accuracy, 0.800 on 4,000 validation images")


def test_the_quicker_is_chosen_where_it_is_not(tmp_path: Path) -> None:
    told = chosen(tmp_path, [0.1, 0.5], {0.1: (0.799, 10.0), 0.5: (0.80, 99.0)})
    assert told == (
        "0.1: validation accuracy 0.799 on 4,000 validation images, not distinguishable from the "
        "highest (0.5, 0.800), and quicker to train (10 s against 99 s)"
    )


def test_times_within_a_tenth_are_equal(tmp_path: Path) -> None:
    told = chosen(tmp_path, [0.1, 0.5], {0.1: (0.799, 95.0), 0.5: (0.80, 99.0)})
    assert told == (
        "0.5: highest validation accuracy, 0.800 on 4,000 validation images; of the 2 that are "
        "not distinguishable, none is clearly quicker to train"
    )


def test_a_warm_cache_makes_no_arm_quick(tmp_path: Path) -> None:
    """The second arm read from the cache what the first one had computed in 60 s."""
    study = sweep({"model": "vgg16"}, {"dropout": [0.1, 0.5]})
    record, records = runner(tmp_path, lambda s: (0.8 - 0.002 * (s.model.dropout > 0.2), 72.0))(
        study
    )
    warm = records[study.arms[1].specs[0].trial_id]
    assert warm.result is not None
    for uncached, expected in ((None, "0.5"), (71.6, "0.1")):
        time = warm.result.time.model_copy(
            update={"fit_seconds": 11.6, "fit_seconds_uncached": uncached}
        )
        made = warm.result.model_copy(update={"time": time})
        again = {**records, warm.trial_id: replace(warm, result=made)}
        assert choose(record, again).arm == expected
        shown = summary(StudyView(record, again)).texts()[1]
        assert ("71.60" in shown) is (uncached is not None)


DIVERGED = Course(
    first_loss=2.0, lowest_loss=1.0, last_loss=90.0, highest_accuracy=0.8, chance=0.0125
)


def with_changes(
    records: Mapping[str, TrialRecord], changes: Mapping[float, Mapping[str, Any]]
) -> dict[str, TrialRecord]:
    """The records, with other results for the arms of some dropout."""
    made = {}
    for trial_id, record in records.items():
        assert record.result is not None
        update = changes.get(record.spec.model.dropout, {})
        made[trial_id] = replace(record, result=record.result.model_copy(update=update))
    return made


def test_a_training_that_went_wrong_is_not_chosen_while_there_are_others(tmp_path: Path) -> None:
    study = sweep({"model": "vgg16", "epochs": 10}, {"dropout": [0.1, 0.3, 0.5]})
    score = {0.1: (0.90, 10.0), 0.3: (0.80, 10.0), 0.5: (0.60, 10.0)}
    record, records = runner(tmp_path, lambda spec: score[spec.model.dropout])(study)
    cut_short = {"best_epoch": 10}
    choice = choose(record, with_changes(records, {0.1: {"course": DIVERGED}, 0.3: cut_short}))
    assert choice.arm == "0.3"
    assert choice.reason.endswith(
        "above all others; its training was cut short by --epochs 10; left out, 0.1: diverged"
    )
    every = {dropout: {"course": DIVERGED} for dropout in score}
    choice = choose(record, with_changes(records, every))
    assert choice.arm == "0.1"
    assert choice.reason.endswith("its training diverged")


def test_few_seeds_do_not_make_a_bad_arm_as_good_as_the_best(tmp_path: Path) -> None:
    """Three seeds can prove nothing by sign flips; a choice is made all the same."""
    study = sweep({"model": "vgg16"}, {"dropout": [0.1, 0.5]}, seeds=3)
    score = {0.1: (0.35, 10.0), 0.5: (0.84, 99.0)}
    choice = choose(*runner(tmp_path, lambda spec: score[spec.model.dropout])(study))
    assert choice.arm == "0.5"


def test_nothing_to_choose_from(tmp_path: Path) -> None:
    study = sweep({"model": "vgg16"}, {"dropout": [0.1, 0.5]})
    store = Store(tmp_path)
    for spec in study.specs():
        store.add(spec)
        store.write_state(spec.trial_id, State(status=Status.FAILED, reason="it broke"))
    with pytest.raises(NothingToChooseFrom, match="Dropout: no trial completed"):
        choose(study.record(""), {record.trial_id: record for record in store.records()})


def published_choices(spec: TrialSpec) -> tuple[float, float]:
    """As the published study found them: large differences, so that the choices are its own."""
    accuracy = {"densenet201": 0.70, "densenet169": 0.68}.get(spec.model.model, 0.40)
    accuracy -= 0.1 * (spec.model.image_size != 96)
    accuracy += 0.04 * (spec.train.augmentation is not None)
    accuracy -= 0.1 * (spec.model.unfreeze < 1)
    accuracy += 0.04 * (spec.model.dropout == 0.5) + 0.04 * (spec.train.patience == 7)
    accuracy += 0.04 * (spec.train.learning_rate == 2.5e-5) + 0.04 * (spec.train.batch_size == 128)
    accuracy += 0.04 * (spec.train.optimizer == "adam")
    return accuracy, 100.0


def test_the_published_study_takes_its_published_way(tmp_path: Path) -> None:
    file = read("published")
    run_step = runner(tmp_path, published_choices)
    taken = list(walk(file, overrides={}, seeds=None, run_step=run_step))
    assert [step.step.title for step in taken] == [
        "Comparison of networks",
        "Input size",
        "Augmentation",
        "Fine-tuning depth",
        "Dropout",
        "Patience",
        "Learning rate",
        "Batch size",
        "Optimizer",
        "Final model",
        "Number of classes",
    ]
    final = next(taken[-2].study.specs())
    assert final.model.model_dump() == {
        "model": "densenet201",
        "weights": "imagenet",
        "weights_file": None,
        "image_size": 96,
        "dropout": 0.5,
        "unfreeze": 1.0,
        "batchnorm": "keras",
        "head_outputs": 100,
    }
    assert final.train.learning_rate == 2.5e-5
    assert final.train.augmentation is not None
    kept = {arm.settings["model"] for arm in taken[1].study.arms}
    assert kept == {"densenet201", "densenet169"}
    assert [s.data.classes for s in taken[-1].study.specs()] == [20, 40, 60, 80]
    # Its own baseline is in every step, trained once.
    ids = [spec.trial_id for step in taken for spec in step.study.specs()]
    assert len(ids) - len(set(ids)) == 11
    assert [step.choice is None for step in taken] == [False] * 9 + [True, True]


def test_the_preview_is_the_published_way(tmp_path: Path) -> None:
    file = read("published")
    walked = walk(file, overrides={}, seeds=None, run_step=runner(tmp_path, published_choices))
    previewed = preview(file, overrides={}, seeds=None)

    def ids(steps: "list[StepResult]") -> list[set[str]]:
        return [{spec.trial_id for spec in step.study.specs()} for step in steps]

    assert ids(list(previewed)) == ids(list(walked))


def test_steps_that_mean_nothing_to_the_chosen_network_are_left_out(tmp_path: Path) -> None:
    def lenet_wins(spec: TrialSpec) -> tuple[float, float]:
        return (0.9 if spec.model.model == "lenet" else 0.5), 10.0

    run_step = runner(tmp_path, lenet_wins)
    taken = list(walk(read("published"), overrides={}, seeds=None, run_step=run_step))
    assert {step.step.title: step.skipped for step in taken if step.skipped} == {
        "Fine-tuning depth": "LeNet is trained from scratch: there is no depth to choose",
        "Dropout": "LeNet has no dropout",
    }


def test_options_replace_the_files_settings() -> None:
    taken = list(preview(read("quick"), overrides={"epochs": 1, "classes": None}, seeds=2))
    for spec in (spec for step in taken if step.study for spec in step.study.specs()):
        assert spec.train.epochs == 1
    assert len(taken[0].study.arms[0].specs) == 2


def planned_from_the_command_line(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[StepResult]:
    """The steps that `cifarkit study ... --dry-run` would show."""
    steps: list[StepResult] = []

    def show(study: PlannedStudy, **run: Any) -> None:
        steps.extend(study.steps())

    monkeypatch.setattr(run_study, "execute", show)
    assert CliRunner().invoke(app, ["study", *words, "--dry-run"]).exit_code == 0
    return steps


def test_the_command_leaves_a_files_augmentation_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for words, expected in ((("quick",), None), (("quick", "--augment"), Augmentation())):
        zoo = planned_from_the_command_line(monkeypatch, *words)[0].study
        assert zoo is not None
        assert [spec.train.augmentation for spec in zoo.specs()] == [expected] * 5


def test_the_published_depths_share_one_rate_that_an_option_replaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for words, rate in ((("published",), 2.5e-5), (("published", "--lr", "1e-4"), 1e-4)):
        steps = planned_from_the_command_line(monkeypatch, *words)
        (depths,) = [s.study for s in steps if s.step.title == "Fine-tuning depth" and s.study]
        assert [spec.train.learning_rate for spec in depths.specs()] == [rate] * 4
        assert depths.rates == ""


def test_a_chosen_file_is_what_the_next_steps_start_from(tmp_path: Path) -> None:
    """It is identified by its content, which names nothing that could be opened."""
    weights, data = tmp_path / "a.weights.h5", tmp_path / "tiny.npz"
    weights.write_bytes(b"\x89HDF\r\n\x1a\n")
    images = np.random.default_rng(0).integers(0, 255, (12, 8, 8, 3), np.uint8)
    np.savez(data, x_train=images, y_train=np.arange(12) % 2)
    plan = {
        "name": "mine",
        "title": "Mine",
        "settings": {"model": "resnet8", "dataset": "synthetic"},
        "step": [
            {"title": "Weights", "vary": {"weights": [str(weights), "none"]}},
            {"title": "Data", "vary": {"dataset": [str(data), "synthetic"]}},
            {"title": "Final model", "choose": False},
        ],
    }
    *_, last = preview(StudyFile.model_validate(plan), overrides={}, seeds=1)
    assert last.study is not None
    (spec,) = last.study.specs()
    assert spec.model.weights_file == str(weights)
    assert (spec.data.dataset, spec.data.location) == ("npz", str(data))


@pytest.mark.parametrize("source", [*PRESETS, *map(str, EXAMPLES)])
def test_presets_and_examples_can_be_read(source: str) -> None:
    assert read(source).step


PLAN = 'name = "mine"\ntitle = "Mine"\n[[step]]\ntitle = "A"\n'
FAULTS = [
    ("", "name: Field required"),
    ("name = 'x", "not TOML"),
    (PLAN + "colour = 1", "step.0.colour: Extra inputs are not permitted"),
    (PLAN + "vary.dropuot = [0.1]", "unknown setting 'dropuot'; did you mean 'dropout'"),
    (PLAN + "vary.dropout = 0.1", "step.0.vary.dropout"),
    (PLAN + "vary.dropout = []", "step.0.vary.dropout"),
    (PLAN + "vary.dropout = 'kept'", "'kept' stands for networks"),
    (PLAN + "vary.dropout = [0.1]\nkeep = 0", "step.0.keep"),
    (PLAN.replace("mine", "../mine"), "name: String should match"),
    ("[settings]\ncolour = 1\n" + PLAN, "unknown setting 'colour'"),
    ("settings = 3\n" + PLAN, "settings"),
    (PLAN + "vary.classes = [" + "1," * 101 + "]", "at most 100"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_faults_of_a_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as refusal:
        read(str(path))
    assert message in str(refusal.value)
    assert "mine.toml" in str(refusal.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"there is no study file pubished; presets: "):
        read("pubished")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="cannot be read as text"):
        read(str(tmp_path / "bytes.toml"))
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(InvalidInput, match=r"deep\.toml"):
        read(str(tmp_path / "deep.toml"))


def test_a_step_needs_a_network() -> None:
    file = StudyFile.model_validate(
        {"name": "x", "title": "X", "step": [{"title": "A", "vary": {"dropout": [0.1]}}]}
    )
    with pytest.raises(InvalidInput, match="no network is chosen yet"):
        list(preview(file, overrides={}, seeds=None))


def test_a_later_step_is_refused_before_the_first_one_runs(tmp_path: Path) -> None:
    settings = {"dataset": "synthetic", "model": "lenet"}
    steps = [
        {"title": "A", "vary": {"batch_size": [32, 64]}},
        {"title": "B", "vary": {"optimizer": ["adam", "adan"]}},
    ]
    file = StudyFile.model_validate(
        {"name": "x", "title": "X", "settings": settings, "step": steps}
    )
    ran: list[Study] = []
    with pytest.raises(InvalidInput, match="adan"):
        list(walk(file, overrides={}, seeds=None, run_step=ran.append))  # type: ignore[arg-type]
    assert not ran


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    text = 'name = "a"\ntitle = "b"\n[[step]]\ntitle = "c"\nvary.model = ["lenet"]\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read(str(path)).name == "a"


@pytest.mark.parametrize(
    "step",
    [
        {"vary": {"model": [0.5]}},
        {"vary": {"unfreeze": ["ant"]}},
        {"vary": {"unfreeze": [float("nan")]}},
        {"vary": {"model": ["lenet", "vgg16"], "image_size": ["ant"]}},
        {"vary": {"dropout": [0.1, 0.2]}, "assume": {"model": []}},
    ],
)
def test_values_of_no_use_in_a_step_are_refused(step: dict[str, Any]) -> None:
    raw = {"name": "a", "title": "b", "settings": {"dataset": "synthetic", "model": "vgg16"}}
    with pytest.raises(ValueError, match=r"model|unfreeze|image_size"):
        list(preview(StudyFile.model_validate(raw | {"step": [{"title": "c"} | step]}),
                     overrides={}, seeds=None))  # fmt: skip

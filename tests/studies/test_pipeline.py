"""A whole study: each step builds on what the one before chose, and says why it chose."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cifarkit.api.planned_study import PlannedStudy
from cifarkit.api.studies import study as ck_study
from cifarkit.cli import run_study
from cifarkit.cli.app import app
from cifarkit.errors import InvalidInput
from cifarkit.specs import Augmentation, TrialSpec
from cifarkit.studies import pipeline
from cifarkit.studies.config import PRESETS, StudyFile, read
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.pipeline import StepResult
from cifarkit.studies.study import Study
from tests.studies.fabricate import runner

preview = partial(pipeline.preview, inputs=Inputs())


def no_screening(*_: object) -> Any:
    raise AssertionError("none of these studies screens")


walk = partial(pipeline.walk, inputs=Inputs(), run_screen=no_screening)

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


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
    taken = list(walk(file, overrides={}, run_step=run_step))
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
    walked = walk(file, overrides={}, run_step=runner(tmp_path, published_choices))
    previewed = preview(file, overrides={})

    def ids(steps: "list[StepResult]") -> list[set[str]]:
        return [{spec.trial_id for spec in step.study.specs()} for step in steps]

    assert ids(list(previewed)) == ids(list(walked))


def the_other_way(spec: TrialSpec) -> tuple[float, float]:
    """Every choice of the published study is the worst one here."""
    accuracy, seconds = published_choices(spec)
    return 1.2 - accuracy, seconds


def test_as_published_takes_the_published_way_whatever_the_images_say(tmp_path: Path) -> None:
    planned = ck_study("published", as_published=True)
    file = planned.source
    assert isinstance(file, StudyFile)
    assert planned.call == "cifarkit.run(cifarkit.study('published', as_published=True))"
    run_step = runner(tmp_path, the_other_way)
    taken = list(walk(file, overrides={}, run_step=run_step))
    assert [{spec.trial_id for spec in step.study.specs()} for step in taken] == [
        {spec.trial_id for spec in step.study.specs()} for step in planned.steps()
    ]
    networks, size = taken[0].choice, taken[1].choice
    assert networks.arm == "DenseNet201"
    assert networks.by_validation not in ("DenseNet201", "DenseNet169", "")
    assert size.settings == {"model": "densenet201", "image_size": 96}
    assert f"would have chosen {size.by_validation}: highest validation accuracy" in size.reason
    # It is another whole than the study that goes by the images.
    by_images = preview(read("published"), overrides={})
    names = [{step.study.name for step in steps} for steps in (taken, by_images)]
    assert not names[0] & names[1]


@pytest.mark.parametrize(
    ("assume", "message"),
    [
        ({}, "'assume' has nothing for dropout; .* it needs to name one of: 0.1, 0.5"),
        ({"dropout": 0.3}, r"'assume' has \{'dropout': 0.3\}, which is no setting of it"),
    ],
)
def test_what_is_followed_has_to_be_assumed(assume: dict[str, float], message: str) -> None:
    """Nothing is run before that is known."""
    steps = [{"title": "A", "vary": {"dropout": [0.1, 0.5]}, "assume": assume}]
    file = {"name": "x", "title": "X", "settings": {"model": "vgg16"}, "step": steps}
    assert list(preview(StudyFile.model_validate(file), overrides={}))
    followed = StudyFile.model_validate({**file, "follow": "assume"})
    with pytest.raises(InvalidInput, match=message):
        next(walk(followed, overrides={}, run_step=runner(Path(), published_choices)))


def test_a_file_s_tolerance_and_cost_choose(tmp_path: Path) -> None:
    steps = [{"title": "A", "vary": {"dropout": [0.1, 0.5]}}]
    file = {"name": "x", "title": "X", "settings": {"model": "vgg16"}, "step": steps}
    for rule, expected in (({}, "0.1"), ({"tolerance": 0.005, "cost": "time"}, "0.5")):
        run_step = runner(
            tmp_path, lambda spec: (0.8, 99.0) if spec.model.dropout < 0.3 else (0.796, 10.0)
        )
        whole = StudyFile.model_validate(file | rule)
        (step,) = walk(whole, overrides={}, run_step=run_step)
        assert step.choice is not None
        assert step.choice.arm == expected


def test_a_file_s_margin_of_equality_is_its_studies(tmp_path: Path) -> None:
    steps = [{"title": "A", "vary": {"dropout": [0.1, 0.5]}}]
    file = {"name": "x", "title": "X", "settings": {"model": "vgg16"}, "step": steps}
    for given, expected in (({}, 0.01), ({"equivalence": 0.02}, 0.02)):
        (step,) = preview(StudyFile.model_validate(file | given), overrides={})
        assert step.study is not None
        assert step.study.record("").equivalence == expected


def test_steps_that_mean_nothing_to_the_chosen_network_are_left_out(tmp_path: Path) -> None:
    def lenet_wins(spec: TrialSpec) -> tuple[float, float]:
        return (0.9 if spec.model.model == "lenet" else 0.5), 10.0

    run_step = runner(tmp_path, lenet_wins)
    taken = list(walk(read("published"), overrides={}, run_step=run_step))
    assert {step.step.title: step.skipped for step in taken if step.skipped} == {
        "Fine-tuning depth": "LeNet is trained from scratch: there is no depth to choose",
        "Dropout": "LeNet has no dropout",
    }


def test_options_replace_the_files_settings() -> None:
    file = read("quick").model_copy(update={"seeds": 2})
    taken = list(preview(file, overrides={"epochs": 1, "classes": None}))
    for spec in (spec for step in taken if step.study for spec in step.study.specs()):
        assert spec.train.epochs == 1
    assert len(taken[0].study.arms[0].specs) == 2


def planned_from_the_command_line(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[StepResult]:
    """The steps that `cifarkit study ... --dry-run` would show."""
    return planned_from_words(monkeypatch, *words).steps()


def planned_from_words(monkeypatch: pytest.MonkeyPatch, *words: str) -> PlannedStudy:
    planned: list[PlannedStudy] = []
    monkeypatch.setattr(run_study, "execute", lambda study, **run: planned.append(study))
    assert CliRunner().invoke(app, ["study", *words, "--dry-run"]).exit_code == 0
    return planned[0]


def test_the_option_and_the_argument_follow_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = planned_from_words(monkeypatch, "published", "--as-published")
    assert planned == ck_study("published", as_published=True)
    assert planned.title == "Transfer learning on CIFAR-100: the published study, as published"


def test_the_command_leaves_a_files_augmentation_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for words, expected in ((("quick",), None), (("quick", "--augment"), Augmentation())):
        zoo = planned_from_the_command_line(monkeypatch, *words)[0].study
        assert zoo is not None
        assert [spec.train.augmentation for spec in zoo.specs()] == [expected] * 3


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
    *_, last = preview(StudyFile.model_validate(plan), overrides={})
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
    ("tolerance = 0.005\n" + PLAN, "tolerance 0.005: name the cost that is to be lower"),
    ("equivalence = 1\n" + PLAN, "equivalence: Input should be less than or equal to 0.1, got 1"),
    ("cost = 'time'\n" + PLAN, "cost 'time': it counts within a tolerance only"),
    ("tolerance = 0.5\ncost = 'time'\n" + PLAN, "tolerance: Input should be less than or equal"),
    ("tolerance = 0.01\ncost = 'money'\n" + PLAN, "cost: Input should be 'time', 'parameters'"),
    ("follow = 'me'\n" + PLAN, "follow: Input should be 'validation' or 'assume'"),
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
        list(preview(file, overrides={}))


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
        list(walk(file, overrides={}, run_step=ran.append))  # type: ignore[arg-type]
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
                     overrides={}))  # fmt: skip

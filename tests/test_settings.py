"""A setting is defined once, on its field of a spec; everything else follows from that."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer

from cifarkit.cli.app import app
from cifarkit.models.registry import trains_batchnorm
from cifarkit.settings import SET_BY_STUDIES, Setting, Settings, collect
from cifarkit.specs import SETTINGS, ModelSpec, TrainSpec, TrialSpec, identity
from cifarkit.store.setting_words import heading
from cifarkit.studies.completion import trial_spec
from cifarkit.studies.config import PRESETS, StudyFile
from cifarkit.studies.study import Study
from tests.cli.stubbed import cifarkit, error_of
from tests.test_specs import CHANGES

COMMANDS = {
    "zoo": {"--models": "lenet"},
    "resize-study": {"--models": "vgg16", "--sizes": "32"},
    "finetune": {"--model": "vgg16", "--unfreeze": "1"},
    "sweep": {"dropout": "0.3", "--model": "vgg16"},
    "study": {},
}


def options(command: str) -> dict[str, Any]:
    found = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    return {option.name: option for option in found}


def choices(annotation: object) -> set[object]:
    """The values of a `Literal`, alone or in a union."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {value for part in get_args(annotation) for value in choices(part)}


def test_the_keyword_arguments_are_the_settings() -> None:
    hints = get_type_hints(Settings)
    assert hints.pop("vary_split") == bool | None  # of a study, not of its trials
    assert hints.pop("recipe") == Literal["published", "modern"] | None  # of several settings
    assert hints.keys() == SETTINGS.keys() - set(SET_BY_STUDIES)
    for name, hint in hints.items():
        assert choices(hint) == choices(SETTINGS[name].type), name
        if SETTINGS[name].type in (bool, int, float):
            assert hint == SETTINGS[name].type | None, name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_setting_is_an_option_of_every_command(command: str) -> None:
    own = {"resize-study": {"image_size"}}.get(command, set())
    found = options(command)
    for name in SETTINGS.keys() - set(SET_BY_STUDIES) - own:
        assert found[name].help, name
        for choice in choices(SETTINGS[name].type):
            assert str(choice) in SETTINGS[name].help, name


@pytest.mark.parametrize("command", ["zoo", "resize-study", "finetune", "sweep"])
def test_options_reach_the_specs(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cifarkit.cli import run_study

    planned: list[Study] = []
    monkeypatch.setattr(run_study, "execute", lambda study, **run: planned.append(study))
    asked = {
        name: value
        for name, value in CHANGES.items()
        if name in ("validation_fraction", "data_seed", "batchnorm", "head_epochs", "precision",
                    "weight_decay", "label_smoothing", "flip", "rotation", "zoom", "contrast",
                    "augment_views", "optimizer", "train_per_class")
    }  # fmt: skip
    words = [word for pair in COMMANDS[command].items() for word in pair]
    for name, value in asked.items():
        option = name.replace("_", "-")
        words += [f"--no-{option}"] if value is False else [f"--{option}", str(value)]
    if command == "zoo":
        words[1] = "resnet50"
    done = cifarkit(command, *words)
    assert done.exit_code == 0, done.output
    (study,) = planned
    (spec,) = study.specs()
    for name, value in asked.items():
        if name != "batchnorm" or trains_batchnorm(spec.model.model, spec.model.unfreeze):
            assert SETTINGS[name].of(spec) == value, name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weight-decay", "-1"], "weight_decay: input should be greater than or equal to 0"),
        (["--validation-fraction", "1"], "validation_fraction: input should be less than 1"),
        (["--label-smoothing", "nan"], "label_smoothing"),
        (["--mixup", "-0.2"], "mixup: input should be greater than or equal to 0, got -0.2"),
        (["--batchnorm", "kears"], "batchnorm: input should be 'precise', 'keras' or 'frozen'"),
        (["--no-augment", "--rotation", "0.2"], "--rotation: there is no augmentation with"),
        (["--no-augment", "--no-flip"], "--no-augment"),
    ],
)
def test_values_that_cannot_be_used(words: list[str], message: str, tmp_path: Path) -> None:
    done = cifarkit("zoo", "--models", "resnet8", *words, "--runs", tmp_path, "--dry-run")
    assert message in error_of(done)


def test_a_later_setting_leaves_all_ids_as_they_are() -> None:
    class LaterTrain(TrainSpec):
        clip_norm: Annotated[float | None, Setting("Of gradients.", since=3)] = None
        cycles: Annotated[int, Setting("Of the learning rate.", since=3)] = 0

    class LaterModel(ModelSpec):
        adapters: Annotated[tuple[int, ...], Setting("Their widths.", since=3)] = ()

    class LaterTrial(TrialSpec):
        model: LaterModel
        train: LaterTrain

    now = trial_spec(model="vgg16", classes=80)
    dumped = now.model_dump(mode="json")
    later = LaterTrial.model_validate(dumped)
    assert later.train.cycles == 0
    assert later.trial_id == now.trial_id == identity(dumped)
    assert identity(later.model_dump(mode="json"), LaterTrial) == now.trial_id
    ids = {now.trial_id}
    for section, change in (("train", {"clip_norm": 1.0}), ("train", {"cycles": 2}),
                            ("model", {"adapters": [3]})):  # fmt: skip
        raw = dumped | {section: dumped[section] | change}
        ids.add(LaterTrial.model_validate(raw).trial_id)
    assert len(ids) == 4
    table = {setting.name: setting for setting in collect(LaterTrial)}
    assert table.keys() - SETTINGS.keys() == {"clip_norm", "cycles", "adapters"}
    assert (table["cycles"].words, table["cycles"].title) == (("cycles",), "Cycles")


def test_the_schema_describes_the_settings() -> None:
    schema = StudyFile.model_json_schema()
    whole, step = schema["properties"], schema["$defs"]["Step"]["properties"]
    assert whole["settings"]["properties"]["weight-decay"]["description"] == (
        SETTINGS["weight_decay"].help
    )
    for table in (whole["settings"], step["vary"], step["settings"], step["assume"]):
        assert {"lr", "size", "weight-decay", "weight_decay"} <= table["properties"].keys()
        assert "seed" not in table["properties"]
        assert table["additionalProperties"] is False
    assert "data-seed" in whole["settings"]["properties"]
    assert "data-dir" not in step["vary"]["properties"]
    for preset in PRESETS:
        text = resources.files("cifarkit.studies").joinpath(f"presets/{preset}.toml").read_text()
        file = tomllib.loads(text)
        assert file["settings"].keys() <= whole["settings"]["properties"].keys()
        for part in file["step"]:
            for table in ("vary", "settings", "assume"):
                assert part.get(table, {}).keys() <= step[table]["properties"].keys()


def test_a_study_file_sets_what_the_command_line_sets() -> None:
    step = {"title": "One", "vary": {"lr": [1e-3]}, "settings": {"data-seed": 3}}
    file = StudyFile.model_validate(
        {"name": "a", "title": "A", "settings": {"data_dir": "here"}, "step": [step]}
    )
    assert file.settings == {"location": "here"}
    assert file.step[0].settings == {"data_seed": 3}
    with pytest.raises(ValueError, match="unknown setting 'data-dir'"):
        StudyFile.model_validate(
            {"name": "a", "title": "A", "step": [step | {"vary": {"data-dir": ["a"]}}]}
        )


def test_headings() -> None:
    assert heading("image_size") == "Image size (px)"
    assert heading("weight_decay") == "Weight decay"
    assert heading("of_another_version") == "Of another version"

"""Studies are planned whole, and refused whole, before anything is trained."""

import re
from functools import partial

import pytest

from cifarkit.errors import InvalidInput
from cifarkit.studies import finetune as depth
from cifarkit.studies import resize as sizes
from cifarkit.studies import sweep as sweeps
from cifarkit.studies import zoo as networks
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.study import Study
from cifarkit.studies.sweep import names, parse_axes

finetune = partial(depth.finetune, inputs=Inputs())
resize = partial(sizes.resize, inputs=Inputs())
sweep = partial(sweeps.sweep, inputs=Inputs())
zoo = partial(networks.zoo, inputs=Inputs())

DENSENET = {"model": "densenet201", "image_size": 96}


def test_the_zoo_is_the_published_thirteen() -> None:
    study = zoo({"classes": 80})
    assert [arm.label for arm in study.arms][:4] == ["Simple CNN", "Custom CNN", "LeNet", "VGG-16"]
    sizes = {arm.settings["model"]: arm.specs[0].model.image_size for arm in study.arms}
    assert sizes["lenet"] == 32
    assert sizes["densenet201"] == 78
    assert re.fullmatch("zoo-cifar100-80-[0-9a-f]{8}", study.name)
    assert zoo({}).name.startswith("zoo-cifar100-100-")


def test_seeds_are_paired() -> None:
    study = zoo({}, models=("lenet", "vgg16"), seeds=3)
    for arm in study.arms:
        assert [spec.train.seed for spec in arm.specs] == [0, 1, 2]
        assert len({spec.trial_id for spec in arm.specs}) == 3
    assert [spec.train.seed for spec in study.specs()] == [0, 0, 1, 1, 2, 2]


def test_a_size_below_the_minimum_is_not_possible_and_no_refusal() -> None:
    study = resize({}, models=("inceptionv3", "vgg16"), sizes=(32, 96))
    small, large, *_ = study.arms
    assert (small.specs, small.impossible) == ((), "InceptionV3 takes 75 pixels or more")
    assert large.specs[0].model.image_size == 96
    with pytest.raises(InvalidInput, match="image_size"):
        resize({}, sizes=(0,))


def test_finetune_names_its_depths_as_published() -> None:
    study = finetune(DENSENET)
    assert [arm.label for arm in study.arms] == [
        "freeze all",
        "unfreeze 10%",
        "unfreeze 20%",
        "unfreeze all",
    ]
    assert [arm.specs[0].model.unfreeze for arm in study.arms] == [0.0, 0.1, 0.2, 1.0]


def sizes_and_rates(study: Study) -> list[tuple[int, float]]:
    return [(a.specs[0].model.image_size, a.specs[0].train.learning_rate) for a in study.arms]


def test_the_default_size_is_a_matter_of_the_study_not_of_the_door() -> None:
    """The published study compared networks at 78 px and went on at 96."""
    one = {"model": "densenet121", "epochs": 1}
    assert {size for size, _ in sizes_and_rates(finetune(one))} == {96}
    assert {size for size, _ in sizes_and_rates(sweep(one, {"dropout": [0.1, 0.2]}))} == {96}
    models = {"model": ["densenet121", "vgg16"]}
    assert {size for size, _ in sizes_and_rates(sweep({"epochs": 1}, models))} == {78}
    # Networks made for 32 pixels see 32, whichever study it is.
    assert [size for size, _ in sizes_and_rates(zoo({}, models=("resnet20", "vgg16")))] == [32, 78]
    assert {size for size, _ in sizes_and_rates(finetune({"model": "resnet8"}))} == {32}
    assert {size for size, _ in sizes_and_rates(finetune({**one, "image_size": 64}))} == {64}


def test_a_head_on_frozen_layers_has_the_rate_of_random_weights() -> None:
    study = finetune(DENSENET)
    assert [rate for _, rate in sizes_and_rates(study)] == [1e-3, 2.5e-5, 2.5e-5, 2.5e-5]
    assert "1e-3 for freeze all; 2.5e-5 for unfreeze 10%, unfreeze 20%" in study.rates
    assert "--learning-rate" in study.rates
    weights = sweep(DENSENET, {"weights": ["imagenet", "none"]})
    assert "2.5e-5 for imagenet; 1e-3 for none" in weights.rates
    assert finetune({**DENSENET, "learning_rate": 1e-4}).rates == ""
    assert sweep(DENSENET, {"learning_rate": [1e-4, 1e-3]}).rates == ""


@pytest.mark.parametrize(
    ("words", "axes"),
    [
        ("dropout 0.15 0.25", {"dropout": ["0.15", "0.25"]}),
        ("lr 1e-4", {"learning_rate": ["1e-4"]}),
        ("Learning-Rate 1e-4", {"learning_rate": ["1e-4"]}),
        ("batch_size 32", {"batch_size": ["32"]}),
        ("dropout 0.3 0.5 lr 1 2", {"dropout": ["0.3", "0.5"], "learning_rate": ["1", "2"]}),
        ("model lenet vgg16", {"model": ["lenet", "vgg16"]}),
        ("weights none imagenet", {"weights": ["none", "imagenet"]}),
    ],
)
def test_axes(words: str, axes: dict[str, list[str]]) -> None:
    assert parse_axes(words.split()) == axes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("dropot 0.3", "unknown parameter 'dropot'; did you mean 'dropout'"),
        ("0.3 0.5", "unknown parameter '0.3'"),
        ("dropout", "dropout: give the values"),
        ("dropout 0.3 lr", "learning-rate: give the values"),
        ("dropout 0.3 dropout 0.5", "named twice"),
        ("seed 1 2", "unknown parameter 'seed'"),
    ],
)
def test_axes_that_cannot_be_read(words: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_axes(words.split())


def test_values_are_read_as_the_settings_own_type() -> None:
    study = sweep(DENSENET, {"dropout": ["0.150", "0.5"]})
    assert [arm.settings for arm in study.arms] == [{"dropout": 0.15}, {"dropout": 0.5}]
    assert [arm.label for arm in study.arms] == ["0.15", "0.5"]
    study = sweep(DENSENET, {"augment": ["off", "on"]})
    assert [arm.settings for arm in study.arms] == [{"augment": False}, {"augment": True}]
    assert study.arms[0].specs[0].train.augmentation is None


VALUES = {
    "dataset": ["cifar10", "synthetic"],
    "classes": ["20", "40"],
    "class-seed": ["1", "2"],
    "train-per-class": ["10", "20"],
    "train-at-most": ["10", "20"],
    "validation-fraction": ["0.1", "0.2"],
    "data-seed": ["0", "1"],
    "model": ["lenet", "vgg16"],
    "weights": ["none", "imagenet"],
    "image-size": ["32", "64"],
    "dropout": ["0.1", "0.2"],
    "unfreeze": ["0.1", "1"],
    "batchnorm": ["keras", "precise"],
    "head-outputs": ["100", "120"],
    "epochs": ["1", "2"],
    "head-epochs": ["0", "2"],
    "batch-size": ["32", "64"],
    "optimizer": ["adam", "sgd"],
    "learning-rate": ["1e-4", "1e-3"],
    "warmup-epochs": ["0", "2"],
    "schedule": ["constant", "cosine"],
    "ema": ["0", "0.99"],
    "layer-decay": ["0.75", "1"],
    "weight-decay": ["0", "0.1"],
    "label-smoothing": ["0", "0.1"],
    "mixup": ["0", "0.2"],
    "cutmix": ["0", "1"],
    "random-erasing": ["0", "0.25"],
    "trivialaugment": ["off", "on"],
    "patience": ["3", "7"],
    "precision": ["float32", "mixed_bfloat16"],
    "augment": ["on", "off"],
    "flip": ["on", "off"],
    "rotation": ["0.1", "0.2"],
    "zoom": ["0.1", "0.2"],
    "contrast": ["0.1", "0.2"],
    "augment-views": ["2", "5"],
}


def test_every_setting_can_be_varied() -> None:
    assert sorted(VALUES) == names()
    for name, values in VALUES.items():
        settings = {} if name == "model" else DENSENET
        study = sweep(settings, parse_axes([name, *values]))
        assert len({spec.trial_id for spec in study.specs()}) == 2, name


def test_a_grid_has_every_combination() -> None:
    study = sweep(DENSENET, parse_axes(["dropout", "0.3", "0.5", "lr", "1e-5", "1e-4"]))
    assert [arm.label for arm in study.arms] == [
        "dropout 0.3, learning rate 1e-05",
        "dropout 0.3, learning rate 0.0001",
        "dropout 0.5, learning rate 1e-05",
        "dropout 0.5, learning rate 0.0001",
    ]
    assert study.axes == ("dropout", "learning_rate")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("dropout 0.3 2", "dropout: input should be less than 1"),
        ("dropout 0.3 abc", "dropout: input should be a valid number"),
        ("optimizer adam adm", "optimizer: input should be"),
        ("augment on maybe", "'maybe' is neither on nor off"),
        ("dropout 0.3 0.30", "0.3 and 0.30 are the same training"),
        ("image-size 8 96", "image_size: densenet201 takes 32 pixels or more, 8"),
    ],
)
def test_values_that_cannot_be_used_are_refused_before_anything_runs(
    words: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        sweep(DENSENET, parse_axes(words.split()))


def test_what_makes_no_difference_to_a_network_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"0\.3 and 0\.5 are the same training for lenet"):
        sweep({"model": "lenet"}, parse_axes(["dropout", "0.3", "0.5"]))


def test_two_sweeps_share_their_common_trial() -> None:
    dropout = sweep(DENSENET, parse_axes(["dropout", "0.3", "0.5"]))
    rate = sweep(DENSENET, parse_axes(["lr", "2.5e-5", "1e-4"]))
    shared = {s.trial_id for s in dropout.specs()} & {s.trial_id for s in rate.specs()}
    assert len(shared) == 1


@pytest.mark.parametrize(
    ("axes", "study"),
    [
        ({"model": ["lenet", "vgg16"]}, zoo({}, models=("lenet", "vgg16"))),
        (
            {"model": ["vgg16"], "image_size": ["32", "64"]},
            resize({}, models=("vgg16",), sizes=(32, 64)),
        ),
    ],
)
def test_a_sweep_along_the_axes_of_a_study_is_that_study(axes: dict, study: Study) -> None:
    assert sweep({}, axes) == study
    record = study.record("")
    # Stores of earlier versions have such studies as sweeps.
    assert record.model_copy(update={"kind": "sweep"}).identity == record.identity


def test_a_sweep_of_depths_is_finetune() -> None:
    assert sweep(DENSENET, {"unfreeze": ["0", "0.1"]}) == finetune(DENSENET, fractions=(0, 0.1))

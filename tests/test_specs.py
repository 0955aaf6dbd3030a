"""A spec that can be made can be run; two specs of one training are one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarkit.errors import InvalidInput
from cifarkit.specs import SETTINGS, Augmentation, TrialSpec, identity
from cifarkit.studies.completion import trial_spec

LENET = {"model": "lenet", "dataset": "synthetic"}


def test_the_defaults_are_the_published_studys() -> None:
    spec = trial_spec(model="densenet201", classes=80)
    assert spec.data.dataset == "cifar100"
    assert (spec.model.image_size, spec.model.dropout, spec.model.weights) == (78, 0.5, "imagenet")
    train = spec.train
    assert (train.batch_size, train.optimizer, train.epochs, train.patience) == (
        128,
        "adam",
        100,
        7,
    )
    assert train.learning_rate == 2.5e-5
    assert train.augmentation == Augmentation(flip=True, rotation=0.1, zoom=0.1, contrast=0.1)
    assert spec.model.head_outputs == 80


def test_random_weights_get_a_learning_rate_of_their_own() -> None:
    assert trial_spec(model="lenet").train.learning_rate == 1e-3
    assert trial_spec(model="vgg16", weights="none").train.learning_rate == 1e-3
    assert trial_spec(model="vgg16", weights="none", learning_rate=0.5).train.learning_rate == 0.5


def test_a_head_on_a_frozen_backbone_gets_the_rate_of_random_weights() -> None:
    assert trial_spec(model="vgg16", unfreeze=0).train.learning_rate == 1e-3
    assert trial_spec(model="vgg16", unfreeze=0.1).train.learning_rate == 2.5e-5


def test_networks_from_scratch_see_32_pixels() -> None:
    for model in ("lenet", "resnet8", "resnet20"):
        assert trial_spec(model=model).model.image_size == 32


def test_a_path_need_not_be_text(tmp_path: Path) -> None:
    path = tmp_path / "tiny.npz"
    np.savez(path, x_train=np.full((6, 4, 4, 3), 9, np.uint8), y_train=[0, 1, 0, 1, 0, 1])
    spec = trial_spec(model="lenet", dataset=path)
    assert spec == trial_spec(model="lenet", dataset="npz", location=path)
    assert spec.data.location == str(path)


CHANGES = {
    "dataset": "cifar10",
    "classes": 5,
    "class_seed": 3,
    "train_per_class": 9,
    "train_at_most": 9,
    "validation_fraction": 0.2,
    "data_seed": 1,
    "model": "vgg19",
    "weights": "none",
    "image_size": 96,
    "dropout": 0.25,
    "unfreeze": 0.1,
    "batchnorm": "frozen",
    "head_outputs": 120,
    "epochs": 3,
    "head_epochs": 2,
    "batch_size": 64,
    "optimizer": "sgd",
    "learning_rate": 1e-4,
    "warmup_epochs": 5,
    "schedule": "cosine",
    "ema": 0.99,
    "layer_decay": 0.75,
    "weight_decay": 0.01,
    "label_smoothing": 0.1,
    "mixup": 0.2,
    "cutmix": 1.0,
    "random_erasing": 0.25,
    "trivialaugment": True,
    "patience": 3,
    "augment": False,
    "flip": False,
    "rotation": 0.2,
    "zoom": 0.2,
    "contrast": 0.2,
    "augment_views": 2,
    "seed": 1,
    "precision": "mixed_bfloat16",
    "class_names": ("apple", "bear"),
}


def test_every_setting_that_changes_the_result_changes_the_id() -> None:
    assert CHANGES.keys() >= (SETTINGS.keys() - {"location"}) | Augmentation.model_fields.keys()
    ids = {trial_spec(model="densenet121").trial_id}
    for name, value in CHANGES.items():
        ids.add(trial_spec(**{"model": "densenet121", name: value}).trial_id)
    assert len(ids) == len(CHANGES) + 1


def test_the_id_is_the_same_in_another_process_and_for_ever() -> None:
    """A change of this id would train everybody's finished trials anew."""
    program = (
        "from cifarkit.studies.completion import trial_spec;"
        "print(trial_spec(dropout=0.3, model='vgg16', classes=80).trial_id)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert found == trial_spec(classes=80, model="vgg16", dropout=0.3).trial_id == "3f27500ae201"


def test_keras_batchnorm_keeps_the_id_of_the_first_versions() -> None:
    """They called it `train`, and every network had it."""
    now = trial_spec(model="resnet50", classes=80, batchnorm="keras")
    assert now.trial_id == "b20baf123325"
    raw = now.model_dump(mode="json")
    raw["model"]["batchnorm"] = "train"
    assert TrialSpec.model_validate(raw) == now
    assert identity(raw) == now.trial_id
    assert trial_spec(model="resnet50", classes=80, batchnorm="train") == now
    assert trial_spec(model="resnet50", classes=80).trial_id != now.trial_id


@pytest.mark.parametrize("settings", [{"model": "vgg16"}, {"model": "resnet50", "unfreeze": 0}])
def test_without_trained_batchnorm_its_setting_makes_no_other_id(settings: dict[str, Any]) -> None:
    ids = {
        trial_spec(**settings, batchnorm=kind).trial_id
        for kind in (None, "precise", "keras", "frozen")
    }
    assert len(ids) == 1


def test_a_stored_setting_without_effect_keeps_its_id() -> None:
    raw = trial_spec(model="vgg16", classes=80).model_dump(mode="json")
    raw["model"]["batchnorm"] = "frozen"
    assert TrialSpec.model_validate(raw).trial_id == identity(raw)


def test_the_order_of_fields_does_not_matter() -> None:
    spec = trial_spec(model="vgg16")
    dumped = json.loads(spec.model_dump_json())
    turned = {key: dict(reversed(value.items())) for key, value in reversed(dumped.items())}
    again = TrialSpec.model_validate_json(json.dumps(turned))
    assert again == spec
    assert again.trial_id == spec.trial_id


@given(
    dropout=st.floats(0, 0.99),
    rate=st.floats(1e-9, 10),
    unfreeze=st.floats(0, 1),
    size=st.integers(32, 600),
    augment=st.booleans(),
)
def test_json_both_ways(
    dropout: float, rate: float, unfreeze: float, size: int, augment: bool
) -> None:
    spec = trial_spec(
        model="vgg16",
        dropout=dropout,
        learning_rate=rate,
        unfreeze=unfreeze,
        image_size=size,
        augment=augment,
    )
    again = TrialSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.trial_id == spec.trial_id


def test_moved_data_is_the_same_data(tmp_path: Path) -> None:
    import numpy as np

    ids = set()
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "images.npz"
        images = np.full((20, 8, 8, 3), 99, np.uint8)
        labels = np.arange(20) % 2
        np.savez(path, x_train=images, y_train=labels, x_test=images + 1, y_test=labels)
        spec = trial_spec(model="lenet", dataset=str(path))
        assert (spec.data.dataset, spec.data.location) == ("npz", str(path))
        ids.add(spec.trial_id)
    assert len(ids) == 1


def test_a_stored_spec_is_read_where_its_data_is_not(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (8, 8)).save(tmp_path / "pets" / name / f"{number}.png")
    spec = trial_spec(model="lenet", dataset=str(tmp_path / "pets"))
    stored = spec.model_dump_json()
    (tmp_path / "pets").rename(tmp_path / "elsewhere")
    assert TrialSpec.model_validate_json(stored) == spec


def test_what_a_network_has_no_use_for_makes_no_second_trial() -> None:
    plain = trial_spec(**LENET)
    assert trial_spec(**LENET, dropout=0.3, weights="imagenet").trial_id == plain.trial_id
    assert trial_spec(**LENET, head_outputs=100).trial_id == plain.trial_id
    assert trial_spec(**LENET, head_epochs=2).trial_id == plain.trial_id
    assert trial_spec(**LENET, augment=False, rotation=0.3).trial_id == (
        trial_spec(**LENET, augment=False).trial_id
    )


REFUSALS = [
    ({"model": "densnet201"}, "unknown model 'densnet201'; did you mean 'densenet201'"),
    ({"model": "inceptionv3", "image_size": 64}, "inceptionv3 takes 75 pixels or more, 64"),
    ({"model": "xception", "image_size": 70}, "xception takes 71 pixels or more, 70"),
    ({"model": "lenet", "classes": 101}, "CIFAR-100 has 100, 101 were asked for"),
    ({"model": "lenet", "dataset": "cifar10", "classes": 11}, "CIFAR-10 has 10, 11 were"),
    (
        {"model": "lenet", "classes": 1},
        "classes: input should be greater than or equal to 2, got 1",
    ),
    ({"model": "lenet", "train_per_class": 501}, "CIFAR-100 has 500 training images"),
    ({"model": "vgg16", "unfreeze": 1.2}, "unfreeze: input should be less than or equal to 1"),
    ({"model": "vgg16", "unfreeze": -0.1}, "unfreeze: input should be greater than or equal to 0"),
    ({"model": "vgg16", "dropout": 1.0}, "dropout: input should be less than 1, got 1.0"),
    ({"model": "vgg16", "dropout": float("nan")}, "dropout"),
    ({"model": "vgg16", "learning_rate": 0}, "learning_rate: input should be greater than 0"),
    ({"model": "vgg16", "learning_rate": float("inf")}, "learning_rate"),
    ({"model": "vgg16", "batch_size": 0}, "batch_size: input should be greater than 0, got 0"),
    ({"model": "vgg16", "epochs": "ten"}, "epochs: input should be a valid integer"),
    ({"model": "vgg16", "optimizer": "adamm"}, "optimizer: input should be 'adam'"),
    ({"model": "vgg16", "weights": "imagnet"}, "weights: 'imagnet' is none of imagenet, none"),
    ({"model": "lenet", "weights": "trial:0123"}, "lenet is trained from scratch and cannot start"),
    ({"model": "vgg16", "weights": "no.weights.h5"}, "there is no file no.weights.h5"),
    ({"model": "vgg16", "weights": "trial:../x"}, "is not of the form trial:ID"),
    ({"model": "vgg16", "head_outputs": 50}, "head_outputs: 50 cannot tell 100 classes"),
    ({"model": "vgg16", "dataset": "cifar1000"}, "cifar1000"),
    ({"model": "vgg16", "class_names": ("apple", "bare")}, "did you mean 'bear'"),
    ({"model": "vgg16", "class_names": ("bear", "bear")}, "named twice"),
    ({"model": "vgg16", "class_names": ("apple", "bear"), "classes": 3}, "classes is 3, but 2"),
    ({"model": "vgg16", "dropuot": 0.3}, "unknown setting 'dropuot'; did you mean 'dropout'"),
    ({"model": "vgg16", "warmup_epochs": 4, "epochs": 3}, "warmup_epochs: 4 of 3 epochs"),
    ({"model": "vgg16", "schedule": "cosine", "warmup_epochs": 3, "epochs": 3}, "schedule: cosine"),
    ({"model": "vgg16", "ema": 1}, "ema: input should be less than 1, got 1"),
    ({"model": "vgg16", "layer_decay": 0}, "layer_decay: input should be greater than 0, got 0"),
    ({"model": "vgg16", "unfreeze": 0, "layer_decay": 2}, "layer_decay: input should be less than"),
    ({"model": "vgg16", "schedule": "cosin"}, "schedule: input should be 'constant' or 'cosine'"),
    ({"model": "lenet", "head_epochs": -1}, "head_epochs: input should be greater than or"),
    ({}, "model: name a network"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSALS, ids=lambda value: str(value)[:40])
def test_refusals_name_the_setting_and_what_was_received(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        trial_spec(**settings)
    assert message in str(refusal.value)


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refusal:
        trial_spec(model="vgg16", epochs=0, batch_size=-1)
    assert len(str(refusal.value).splitlines()) == 2


def test_specs_need_no_tensorflow() -> None:
    program = (
        "import sys; from cifarkit.studies.completion import trial_spec; trial_spec(model='vgg16');"
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0

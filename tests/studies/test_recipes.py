"""A recipe is a bundle of settings: what is given goes first, and trials keep the settings."""

from typing import Any

import pytest

from cifarkit.api import plan as plans
from cifarkit.api.studies import finetune, study, sweep, zoo
from cifarkit.errors import InvalidInput
from cifarkit.specs import TrialSpec
from cifarkit.studies.completion import trial_spec
from cifarkit.studies.config import StudyFile

LITE = {"model": "efficientnet_lite0", "dataset": "synthetic", "epochs": 30}
LENET = {"model": "lenet", "dataset": "synthetic", "epochs": 30}
SHARED = {
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "warmup_epochs": 3,
    "schedule": "cosine",
    "label_smoothing": 0.1,
    "trivialaugment": True,
    "rotation": 0,
    "zoom": 0,
    "contrast": 0,
    "patience": 30,
}
TRANSFER = {"head_epochs": 3, "layer_decay": 0.75, "learning_rate": 5e-4}


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (LITE, SHARED | TRANSFER),
        (LENET, SHARED | {"learning_rate": 1e-3}),
        (LITE | {"weights": "none"}, SHARED | {"learning_rate": 1e-3}),
        (LITE | {"unfreeze": 0.0}, SHARED | {"learning_rate": 1e-3}),
    ],
)
def test_a_trial_is_that_of_its_settings(network: Any, expected: dict[str, Any]) -> None:
    assert trial_spec(**network, recipe="modern") == trial_spec(**network, **expected)
    assert trial_spec(**network, recipe="published") == trial_spec(**network)


def test_what_is_given_goes_first() -> None:
    given = {"optimizer": "sgd", "head_epochs": 0, "mixup": 0.2, "rotation": 0.1, "patience": 4}
    assert trial_spec(**LITE, recipe="modern", **given) == trial_spec(
        **LITE, **SHARED | TRANSFER | given
    )
    plain = trial_spec(**LITE, recipe="modern", augment=False).train
    assert (plain.augmentation, plain.trivialaugment) == (None, True)
    short = [trial_spec(**LENET | {"epochs": n}, recipe="modern").train for n in (1, 2, 99)]
    assert [train.warmup_epochs for train in short] == [0, 1, 5]


def specs(planned: Any) -> list[TrialSpec]:
    return planned.specs()  # type: ignore[no-any-return]


def test_every_study_takes_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(plans, "say", lambda text, *_: said.append(text))
    common = {"dataset": "synthetic", "epochs": 30}
    planned = zoo(["efficientnet_lite0", "lenet"], recipe="modern", **common)
    assert "recipe='modern'" in planned.call
    assert [spec.train.layer_decay for spec in specs(planned)] == [0.75, 1.0]
    plans.plan_trials(planned.steps(), planned.inputs, "no/such/store")
    assert said[0] == (
        "Recipe modern: contrast 0, label-smoothing 0.1, optimizer adamw, patience 30, rotation 0, "
        "schedule cosine, trivialaugment on, warmup-epochs 3, weight-decay 0.05, zoom 0; "
        "head-epochs 3, layer-decay 0.75, learning-rate 0.0005 for EfficientNet-Lite0; "
        "learning-rate 0.001 for LeNet."
    )

    depths = finetune("efficientnet_lite0", fractions=[0.0, 0.5], recipe="modern", **common)
    assert [spec.train.head_epochs for spec in specs(depths)] == [0, 3]
    swept = sweep("mixup", 0, 0.4, model="lenet", recipe="modern", **common)
    assert [spec.train.mixup for spec in specs(swept)] == [0, 0.4]
    assert {spec.train.optimizer for spec in specs(swept)} == {"adamw"}


def test_a_study_file_names_one() -> None:
    *_, final = specs(study("best"))
    train = final.train
    assert (final.data.dataset, final.model.image_size) == ("cifar100", 224)
    assert (train.optimizer, train.layer_decay, train.cutmix, train.ema) == (
        "adamw",
        0.75,
        1.0,
        0.999,
    )
    assert specs(study("best", recipe="published"))[-1].train.optimizer == "adam"


def test_refusals() -> None:
    with pytest.raises(InvalidInput, match=r"unknown recipe 'moden'; did you mean 'modern'"):
        trial_spec(**LENET, recipe="moden")
    step = {"title": "A", "vary": {"recipe": ["modern"]}}
    with pytest.raises(ValueError, match="unknown setting 'recipe'"):
        StudyFile.model_validate({"name": "x", "title": "X", "step": [step]})

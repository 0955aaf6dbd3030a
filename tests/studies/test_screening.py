"""Which networks are screened, and which of them go on."""

import numpy as np
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.comparison import compare
from cifarkit.studies.screening import going_on, plan_screen

DATA = {"dataset": "synthetic", "classes": 3}


def test_all_are_those_with_weights_that_take_the_size() -> None:
    plan = plan_screen(("all",), DATA | {"image_size": 64}, max_parameters=10e6)
    keys = {spec.model.model for spec in plan.specs}
    assert {"mobilenetv2", "densenet121", "efficientnet_lite0", "efficientnetv2b2"} <= keys
    assert not keys & {"lenet", "vgg16", "inceptionv3"}
    assert plan.left_out["LeNet"] == "is trained from scratch and has no pretrained features"
    assert plan.left_out["InceptionV3"] == "takes 75 pixels or more, 64 were asked for"
    assert plan.left_out["VGG-16"] == "has 14,714,688 parameters"
    assert {spec.model.image_size for spec in plan.specs} == {64}


def test_without_a_size_each_has_its_native_one() -> None:
    plan = plan_screen(("efficientnetb1", "mobilenetv2"), DATA, max_parameters=None)
    assert [spec.model.image_size for spec in plan.specs] == [240, 224]


@pytest.mark.parametrize(
    ("models", "settings", "message"),
    [
        (("lenet",), {}, "models: lenet is trained from scratch"),
        (("mobilenetv9",), {}, "unknown model 'mobilenetv9'"),
        (("mobilenetv2", "MobileNetV2"), {}, "mobilenetv2 is named twice"),
        (("inceptionv3",), {"image_size": 32}, "takes 75 pixels or more, 32 were asked for"),
        (("mobilenetv2",), {"weights": "noisy"}, "has no weights 'noisy' .it has imagenet, none"),
        (("mobilenetv2",), {"classes": 900}, "900 were asked for"),
        (("mobilenetv2",), {"image_size": -3}, "takes 32 pixels or more, -3 were"),
    ],
)
def test_refusals(models: tuple[str, ...], settings: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        plan_screen(models, DATA | settings, max_parameters=None)


def test_nothing_left_says_why() -> None:
    with pytest.raises(InvalidInput, match=r"no network can be screened.*LeNet is trained"):
        plan_screen(("all",), DATA, max_parameters=10)


def test_the_best_the_indistinguishable_and_imagenets_best_go_on() -> None:
    def right(errors: int) -> dict[int, np.ndarray]:
        return {0: np.arange(1000) >= errors}

    found = compare(
        {
            "mobilenetv2": right(100),  # the best
            "mobilenetv3small": right(103),
            "densenet121": right(200),
            "efficientnetv2b0": right(300),  # of these the best on ImageNet: 78.7%
        }
    )
    assert going_on(found, pretrained=True) == {
        "mobilenetv2": "the best",
        "mobilenetv3small": "not told from the best",
        "efficientnetv2b0": "the best on ImageNet",
    }
    assert list(going_on(found, pretrained=False)) == ["mobilenetv2", "mobilenetv3small"]

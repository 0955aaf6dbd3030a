"""The model of a spec: what is frozen, what is counted, and the published columns to the digit."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cifarkit.profiling.parameters import count
from cifarkit.specs import TrialSpec
from cifarkit.studies.completion import trial_spec
from cifarkit.training.cost_estimate import Plan, plan
from cifarkit.training.model_builder import build, precision

PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "published.json").read_text()
)


def published(**settings: Any) -> TrialSpec:
    return trial_spec(
        **{"classes": 80, "head_outputs": 100, "model": "densenet201", "image_size": 96} | settings
    )


def planned(**settings: Any) -> Plan:
    return next(plan([published(**settings)]))


@pytest.mark.slow
def test_table_2_parameters_and_memory() -> None:
    table = PUBLISHED["table2_resize"]
    for model in ("densenet169", "densenet201"):
        rows = list(plan(published(model=model, image_size=size) for size in table["sizes"]))
        assert [row.total_params for row in rows] == table[model]["total_params"]
        assert [row.estimated_mb for row in rows] == table[model]["memory_mb"]


@pytest.mark.slow
def test_table_3_trainable_parameters_and_memory() -> None:
    for row in PUBLISHED["table3_finetune"]:
        found = planned(unfreeze=row["unfreeze"])
        assert found.trainable_params == row["trainable_params"]
        assert found.estimated_with_input_mb == row["memory_mb"]


@pytest.mark.slow
def test_table_5_memory() -> None:
    rows = PUBLISHED["table5_batch_size"]
    found = plan(published(batch_size=row["batch_size"]) for row in rows)
    assert [row.estimated_with_input_mb for row in found] == [row["memory_mb"] for row in rows]


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "simple_cnn", "image_size": 37},
        {"model": "custom_cnn", "image_size": 33},
        {"model": "lenet", "image_size": 64},
        {"model": "resnet8", "image_size": 40, "unfreeze": 0.5, "ema": 0.9},
        {"model": "mobilenetv2", "image_size": 77, "unfreeze": 0.3, "batchnorm": "frozen"},
        {"model": "xception", "image_size": 81, "unfreeze": 0.0},
        {"model": "inceptionv3", "image_size": 107, "unfreeze": 0.25},
        {"model": "nasnetmobile", "image_size": 70, "unfreeze": 0.1},
    ],
    ids=lambda settings: str(settings["model"]),
)
def test_a_plan_counts_what_a_built_model_has(settings: dict[str, Any]) -> None:
    spec = trial_spec(classes=7, dataset="cifar10", weights="none", **settings)
    found = next(plan([spec]))
    size = spec.model.image_size
    built = build(spec.model, (size, size))
    counts = count(built.model)
    assert (found.total_params, found.trainable_params) == (counts.total, counts.trainable)
    size, averaged = spec.train.batch_size, spec.train.ema > 0
    assert found.estimated_mb == built.estimated_mb(size, averaged=averaged)
    assert found.estimated_with_input_mb == built.estimated_mb(
        size, with_input=True, averaged=averaged
    )


def test_averages_of_weights_are_estimated_as_weights() -> None:
    """Four bytes for each; the estimate is rounded to 1.024 MB."""
    plain, averaged = plan(
        [
            trial_spec(model="mobilenetv2", classes=10, ema=ema, dataset="cifar10")
            for ema in (0, 0.9)
        ]
    )
    more = averaged.estimated_mb - plain.estimated_mb
    assert more == pytest.approx(4 * plain.trainable_params / 2**20, abs=1.024)


def mobile(**settings: Any) -> Any:
    spec = trial_spec(
        model="mobilenetv2", weights="none", image_size=32, dataset="cifar10", **settings
    )
    return build(spec.model, (32, 32))


def test_freezing_counts_layers_from_the_input() -> None:
    built = mobile(unfreeze=0.1)
    layers = built.backbone.layers
    assert built.frozen_layers == int(len(layers) * 0.9)
    assert not any(layer.trainable for layer in layers[: built.frozen_layers])
    assert all(layer.trainable for layer in layers[built.frozen_layers :])


def test_frozen_batchnorm_freezes_nothing_else() -> None:
    for layer in mobile(batchnorm="frozen").backbone.layers:
        assert layer.trainable is not isinstance(layer, keras.layers.BatchNormalization)


def test_a_frozen_backbone_is_a_function_of_its_input() -> None:
    """EfficientNet's stochastic depth drops blocks in training unless it is frozen too."""
    spec = trial_spec(
        model="efficientnetb0", weights="none", unfreeze=0.0, image_size=32, classes=2
    )
    backbone = build(spec.model, (32, 32)).backbone
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    live = backbone(images, training=True)
    np.testing.assert_array_equal(np.asarray(live), np.asarray(backbone(images, training=False)))


def test_images_are_resized_in_the_graph() -> None:
    spec = trial_spec(model="mobilenetv2", weights="none", image_size=64, dataset="cifar10")
    built = build(spec.model, (20, 24))
    assert built.model.input_shape == (None, 20, 24, 3)
    assert built.backbone.input_shape == (None, 64, 64, 3)
    assert built.model.output_shape == (None, 10)


def test_logits_are_float32_under_mixed_precision() -> None:
    before = keras.config.dtype_policy().name
    with precision("mixed_bfloat16"):
        built = mobile()
    assert keras.config.dtype_policy().name == before
    assert built.backbone.compute_dtype == "bfloat16"
    out = built.model(np.zeros((1, 32, 32, 3), "float32"))
    assert out.dtype == "float32"
    assert {weight.dtype for weight in built.model.trainable_weights} == {"float32"}


def test_weights_from_a_file(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    spec = trial_spec(model="mobilenetv2", weights="none", image_size=32, dataset="cifar10")
    donor = build(spec.model, (32, 32)).backbone
    donor.save_weights(tmp_path / "donor.weights.h5")
    keras.utils.set_random_seed(2)
    path = str(tmp_path / "donor.weights.h5")
    taker = trial_spec(model="mobilenetv2", weights=path, image_size=32, dataset="cifar10")
    assert taker.model.weights.startswith("sha256:")
    assert taker.train.learning_rate == 2.5e-5
    for ours, theirs in zip(
        build(taker.model, (32, 32)).backbone.weights, donor.weights, strict=True
    ):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))

"""Prefix and suffix together are the model, for every backbone of the published study."""

import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cifarkit.models.registry import get as get_backbone
from cifarkit.studies.completion import trial_spec
from cifarkit.training.graph_split import cut
from cifarkit.training.model_builder import build, freeze
from tests.training.calibrated import calibrate

PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "published.json").read_text()
)
PRETRAINED = [
    row["key"] for row in PUBLISHED["table1_zoo"] if not get_backbone(row["key"]).includes_head
]
# One of each structure: a chain, squeeze and excitation with stochastic depth, residual paths,
# concatenations, depthwise convolutions, branches.
STRUCTURES = ["vgg16", "efficientnetb0", "resnet50", "densenet121", "mobilenetv2", "inceptionv3"]


def some(always: list[str]) -> list[Any]:
    """Those networks, and the others of the published study as exhaustive tests."""
    others = [name for name in PRETRAINED if name not in always]
    return [*always, *(pytest.param(name, marks=pytest.mark.exhaustive) for name in others)]


def elements(prefix: keras.Model) -> int:
    """The values per image that cross the cut."""
    return sum(math.prod(tensor.shape[1:]) for tensor in prefix.outputs)


def built(model: str, unfreeze: float, dropout: float = 0.5) -> Any:
    facts = get_backbone(model)
    spec = trial_spec(
        model=model,
        weights="none",
        image_size=max(32, facts.min_size),
        classes=5,
        unfreeze=unfreeze,
        dropout=dropout,
    )
    return build(spec.model, (32, 32))


@pytest.mark.slow
@pytest.mark.parametrize("model", some(STRUCTURES))
def test_the_two_parts_are_the_whole(model: str) -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3)).astype("float32")
    whole = built(model, 1.0)
    calibrate(whole, images, unfreeze=1.0)
    expected = np.asarray(whole.model(images, training=False))
    assert np.ptp(expected, axis=0).max() > 0.01
    depth = 0
    for unfreeze in (0.2, 0.1, 0.0):
        freeze(whole.backbone, unfreeze=unfreeze)
        halves = cut(whole.model)
        assert halves is not None
        # What is in the prefix asks nobody whether this is training.
        found = np.asarray(halves.suffix(halves.prefix(images, training=True), training=False))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
        trainable = {id(weight) for weight in whole.model.trainable_weights}
        assert {id(weight) for weight in halves.suffix.trainable_weights} == trainable
        assert not halves.prefix.trainable_weights
        assert len(halves.prefix.operations) > depth
        depth = len(halves.prefix.operations)


def crossing(model: str, unfreeze: float, dropout: float) -> list[tuple[int, ...]]:
    halves = cut(built(model, unfreeze, dropout).model)
    assert halves is not None
    return [tuple(tensor.shape[1:]) for tensor in halves.prefix.outputs]


def test_a_frozen_backbone_is_cut_behind_it() -> None:
    assert crossing("mobilenetv2", 0.0, 0.5) == [(1, 1, 1280)]


def test_without_dropout_the_pooling_is_in_the_prefix() -> None:
    assert crossing("mobilenetv2", 0.0, 0.0) == [(1280,)]


def test_a_residual_path_crosses_the_cut() -> None:
    assert len(crossing("resnet50", 0.1, 0.5)) == 2


def test_nothing_frozen_is_not_cut() -> None:
    assert cut(built("mobilenetv2", 1.0).model) is None


def test_stochastic_depth_that_is_not_frozen_ends_the_prefix() -> None:
    halves = cut(built("efficientnetb0", 0.2).model)
    assert halves is not None
    names = {operation.name for operation in halves.prefix.operations}
    drops = {layer.name: layer for layer in built("efficientnetb0", 0.2).backbone.layers}
    live = {
        name
        for name, layer in drops.items()
        if isinstance(layer, keras.layers.Dropout) and layer.rate > 0
    }
    assert live
    assert not live & names


def small(*, pad_first: bool) -> keras.Model:
    """A frozen convolution, then a padding, then a trained one."""
    image = keras.Input((8, 8, 3))
    frozen = keras.layers.Conv2D(4, 3, name="frozen")
    frozen.trainable = False
    x = frozen(image)
    if pad_first:
        x = keras.layers.ZeroPadding2D(3)(x)
    x = keras.layers.Conv2D(2, 3, name="trained")(x)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


def test_padding_stays_on_the_side_where_less_crosses() -> None:
    halves = cut(small(pad_first=True))
    assert halves is not None
    assert elements(halves.prefix) == 6 * 6 * 4


def test_batch_normalization_without_weights_of_its_own_is_not_frozen() -> None:
    image = keras.Input((8, 8, 3))
    frozen = keras.layers.Conv2D(4, 3)
    frozen.trainable = False
    x = keras.layers.BatchNormalization(center=False, scale=False)(frozen(image))
    x = keras.layers.Dense(2)(keras.layers.Flatten()(x))
    halves = cut(keras.Model(image, x))
    assert halves is not None
    assert "BatchNormalization" not in {type(o).__name__ for o in halves.prefix.operations}


def test_a_concatenation_is_not_kept_beside_its_parts() -> None:
    """Both a concatenation and one of its parts are taken on the far side: the parts are kept."""
    image = keras.Input((8, 8, 3))
    parts = []
    for number in range(2):
        layer = keras.layers.Conv2D(4, 3, name=f"frozen{number}")
        layer.trainable = False
        parts.append(layer(image))
    both = keras.layers.Concatenate()(parts)
    x = keras.layers.Conv2D(2, 1)(both)
    y = keras.layers.Conv2D(2, 1)(parts[0])
    halves = cut(keras.Model(image, keras.layers.Add()([x, y])))
    assert halves is not None
    assert elements(halves.prefix) == 2 * 6 * 6 * 4

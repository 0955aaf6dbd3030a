"""Parameters and estimated memory of the published study, digit by digit.

Twelve of the thirteen rows of its Table 1, and Tables 2, 3 and 5 whole. The thirteenth row, Custom
CNN, is of a network that the study does not describe; ours meets its memory only.

The networks are built here, the largest in exhaustive tests only. All rows of what a plan counts
without building them are always held to the tables (`cli/test_zoo.py` and
`training/test_model_builder.py`).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import keras
import pytest
from keras import layers

from cifarkit.models.info import Backbone
from cifarkit.models.registry import get
from cifarkit.profiling.memory import layer_outputs, published_estimate_mb
from cifarkit.profiling.parameters import count

PUBLISHED = json.loads((Path(__file__).parents[1] / "vectors" / "published.json").read_text())
SETTINGS = PUBLISHED["settings"]
OUTPUTS: int = SETTINGS["head_outputs"]
BATCH_SIZE: int = SETTINGS["memory_batch_size"]
FINETUNE_SIZE = 96
IN_FRONT = FINETUNE_SIZE**2 * 3
"""Outputs of the layer in front of the backbone, which Tables 3 and 5 have."""


def with_head(backbone: Backbone, image_size: int) -> keras.Model:
    """The network as the study trained it."""
    built = backbone.build(image_size=image_size, weights=None, outputs=OUTPUTS, dropout=0.5)
    assert isinstance(built, keras.Model)
    if backbone.includes_head:
        return built
    images = keras.Input((image_size, image_size, 3))
    x = built(images)
    if backbone.head == "xception":
        x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(layers.Dropout(0.5)(x))
    if backbone.head == "xception":
        x = layers.Dense(256)(x)
    return keras.Model(images, layers.Dense(OUTPUTS)(x))


class Measured(NamedTuple):
    outputs: int
    params: int

    def estimate_mb(self, batch_size: int = BATCH_SIZE, in_front: int = 0) -> float:
        """With `in_front` output elements of a layer in front of the backbone."""
        return published_estimate_mb(self.outputs + in_front, self.params, batch_size)


@cache
def measure(key: str, image_size: int) -> Measured:
    """The figures of a network that several tables ask for; the network itself is not kept."""
    model = with_head(get(key), image_size)
    return Measured(layer_outputs(model.layers), count(model).total)


LARGE = ("efficientnetb7", "resnet152v2", "densenet169", "densenet201")


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row["key"], marks=[pytest.mark.exhaustive][: row["key"] in LARGE])
        for row in PUBLISHED["table1_zoo"]
    ],
)
def test_table_1(row: dict[str, Any]) -> None:
    backbone = get(row["key"])
    size = backbone.native_size if backbone.includes_head else SETTINGS["zoo_image_size"]
    measured = measure(backbone.key, size)
    assert measured.estimate_mb() == row["memory_mb"]
    if row["key"] != "custom_cnn":
        assert measured.params == row["total_params"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("key", ["densenet169", "densenet201"])
@pytest.mark.parametrize("index", range(3))
def test_table_2(key: str, index: int) -> None:
    table = PUBLISHED["table2_resize"]
    measured = measure(key, table["sizes"][index])
    assert measured.params == table[key]["total_params"][index]
    assert measured.estimate_mb() == table[key]["memory_mb"][index]


def test_table_3() -> None:
    model = with_head(get("densenet201"), FINETUNE_SIZE)
    backbone = model.layers[1]
    assert len(backbone.layers) == 707
    measured = Measured(layer_outputs(model.layers), count(model).total)
    for row in PUBLISHED["table3_finetune"]:
        frozen = int(len(backbone.layers) * (1 - row["unfreeze"]))
        for index, layer in enumerate(backbone.layers):
            layer.trainable = index >= frozen
        assert count(model).trainable == row["trainable_params"], row["setting"]
        # Freezing changes nothing in the estimate.
        assert measured.estimate_mb(in_front=IN_FRONT) == row["memory_mb"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("row", PUBLISHED["table5_batch_size"], ids=lambda row: row["batch_size"])
def test_table_5(row: dict[str, Any]) -> None:
    measured = measure("densenet201", FINETUNE_SIZE)
    assert measured.estimate_mb(row["batch_size"], in_front=IN_FRONT) == row["memory_mb"]

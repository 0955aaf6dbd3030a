"""The networks from scratch, against the published totals and against arithmetic by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cifarkit.models.registry import get
from cifarkit.profiling.parameters import count


def build(key: str, image_size: int = 32, outputs: int = 100, dropout: float = 0.3) -> keras.Model:
    return get(key).build(image_size=image_size, weights=None, outputs=outputs, dropout=dropout)


@pytest.mark.parametrize(
    ("key", "total"), [("simple_cnn", 128_420), ("custom_cnn", 2_331_796), ("lenet", 723_180)]
)
def test_totals(key: str, total: int) -> None:
    assert count(build(key)).total == total


def test_the_stand_in_is_close_to_the_published_total() -> None:
    assert count(build("custom_cnn")).total == pytest.approx(2_333_468, rel=0.001)
    assert "stands in" in get("custom_cnn").note


@pytest.mark.parametrize("key", ["simple_cnn", "custom_cnn", "lenet"])
def test_features_are_the_width_of_the_last_hidden_layer(key: str) -> None:
    assert build(key).get_layer("logits").input.shape == (None, get(key).features)


@pytest.mark.parametrize("key", ["simple_cnn", "custom_cnn", "lenet"])
def test_outputs_are_logits_and_not_probabilities(key: str) -> None:
    keras.utils.set_random_seed(0)
    logits = np.asarray(build(key, outputs=7)(np.ones((2, 32, 32, 3), "float32")))
    assert logits.shape == (2, 7)
    assert (logits < 0).any()


def test_logits_stay_float32_under_mixed_precision() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build("simple_cnn")
    finally:
        keras.config.set_dtype_policy(before)
    assert model.layers[1].compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


@pytest.mark.parametrize(("key", "layers"), [("simple_cnn", 0), ("custom_cnn", 1), ("lenet", 0)])
def test_only_the_custom_network_drops_out(key: str, layers: int) -> None:
    rates = [
        layer.rate
        for layer in build(key, dropout=0.4).layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    assert rates == [0.4] * layers
    assert get(key).uses_dropout is bool(layers)

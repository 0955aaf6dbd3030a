"""Preprocessing in the graph, against Keras' own functions and against pixels done by hand."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from cifarkit.models.applications import APPLICATIONS
from cifarkit.models.info import Backbone, Preprocessing
from cifarkit.models.preprocessing import preprocessing_layers
from cifarkit.profiling.parameters import count

MODES: tuple[Preprocessing, ...] = get_args(Preprocessing)
RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)


def apply(mode: Preprocessing, images: Any) -> Any:
    for layer in preprocessing_layers(mode):
        images = layer(images)
    return images


def random_images(dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(dtype)


def keras_preprocess_input(backbone: Backbone) -> Any:
    """`preprocess_input` of the module that holds the backbone's own function."""
    functions = {
        name.lower(): function
        for name, function in inspect.getmembers(keras.applications, inspect.isfunction)
    }
    return sys.modules[functions[backbone.key].__module__].preprocess_input


@pytest.mark.parametrize("backbone", APPLICATIONS, ids=lambda backbone: backbone.key)
def test_mode_equals_keras_own(backbone: Backbone) -> None:
    images = random_images()
    expected = keras_preprocess_input(backbone)(images.copy())
    np.testing.assert_allclose(apply(backbone.preprocessing, images), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        ("unit", RED, (1, 0, 0)),
        ("tf", RED, (1, -1, -1)),
        ("caffe", RED, (-103.939, -116.779, 255 - 123.68)),
        ("torch", WHITE, (0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225)),
        ("torch", BLACK, (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225)),
        ("none", RED, RED),
    ],
)
def test_pixel_by_hand(mode: Preprocessing, pixel: Any, expected: Any) -> None:
    image = np.array([[[pixel]]], "float32")
    np.testing.assert_allclose(np.asarray(apply(mode, image))[0, 0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "none"])
def test_it_gives_float32_whatever_comes_in_and_under_mixed_precision(mode: Preprocessing) -> None:
    expected = np.asarray(apply(mode, random_images()))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        received = apply(mode, random_images("uint8"))
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(received.dtype) == "float32"
    np.testing.assert_array_equal(np.asarray(received), expected)


@pytest.mark.parametrize("mode", MODES)
def test_it_adds_no_weights_and_survives_saving(mode: Preprocessing, tmp_path: Path) -> None:
    images = keras.Input((None, None, 3))
    model = keras.Model(images, keras.layers.Activation("linear")(apply(mode, images)))
    assert count(model).total == 0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(random_images()), model(random_images()))


@pytest.mark.parametrize("mode", MODES)
def test_xla_compiles_it(mode: Preprocessing) -> None:
    layers = preprocessing_layers(mode)

    def run(images: Any) -> Any:
        for layer in layers:
            images = layer(images)
        return images

    images = tf.constant(random_images())
    compiled = tf.function(run, jit_compile=True)
    np.testing.assert_allclose(compiled(images), run(images), rtol=1e-5, atol=1e-5)

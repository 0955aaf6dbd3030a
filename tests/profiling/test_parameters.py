"""Weights counted by hand."""

from __future__ import annotations

import keras
from keras import layers

from cifarkit.profiling.parameters import Counts, count


def test_by_hand() -> None:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3),  # 3*3*3*4 + 4 = 112
            layers.BatchNormalization(),  # 4 each of scale, offset, mean, variance
            layers.Dropout(0.5),  # a random generator's state is no weight
            layers.Flatten(),
            layers.Dense(2, use_bias=False),  # 6*6*4*2 = 288
        ]
    )
    assert count(model) == Counts(total=416, trainable=408, non_trainable=8)


def test_frozen_layers_are_not_trainable() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(5)])
    model.layers[0].trainable = False
    assert count(model) == Counts(total=41, trainable=25, non_trainable=16)
    model.trainable = False
    assert count(model) == Counts(total=41, trainable=0, non_trainable=41)


def test_shared_and_nested_weights_count_once() -> None:
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(3)])
    inputs = keras.Input((3,))
    model = keras.Model(inputs, inner(inner(inputs)))
    assert count(model).total == 12


def test_optimizer_and_metrics_do_not_count() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
    model.compile("adam", "mse", metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    assert count(model) == Counts(total=16, trainable=16, non_trainable=0)

"""The fused kernels compute what Keras' own layers and optimizers do, to rounding."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from cifarkit.training import fused_ops

RNG = np.random.default_rng(0)


def network(**settings: Any) -> Any:
    inputs = keras.Input((5, 4, 6))
    x = keras.layers.BatchNormalization(**settings)(inputs)
    nested = keras.Model(inputs, keras.layers.BatchNormalization(epsilon=1e-5)(x))
    outer = keras.Input((5, 4, 6))
    y = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(nested(outer)))
    y = keras.layers.BatchNormalization()(y)  # not of images
    model = keras.Model(outer, keras.layers.Dense(3)(y))
    for number, weight in enumerate(model.weights):
        weight.assign(np.random.default_rng(number).uniform(0.5, 1.5, weight.shape))
    return model


def step(model: Any, images: np.ndarray) -> tuple[Any, list[np.ndarray], list[np.ndarray]]:
    with tf.GradientTape() as tape:
        outputs = model(tf.constant(images), training=True)
        loss = tf.reduce_sum(outputs**2)
    gradients = tape.gradient(loss, model.trainable_variables)
    return outputs, [np.asarray(g) for g in gradients], [np.asarray(w) for w in model.weights]


@pytest.mark.parametrize(
    "settings", [{}, {"scale": False}, {"center": False}, {"momentum": 0.9, "epsilon": 1e-6}]
)
def test_batchnorm_trains_as_keras_does(settings: dict[str, Any]) -> None:
    own, fused = network(**settings), network(**settings)
    fused_ops.fuse_batchnorm(fused)
    images = RNG.normal(3, 2, (7, 5, 4, 6)).astype(np.float32)
    for expected, found in zip(step(own, images), step(fused, images), strict=True):
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_allclose(other, one, rtol=2e-3, atol=2e-3)
    for one, other in zip(own.non_trainable_weights, fused.non_trainable_weights, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fused(images), own(images), rtol=1e-4, atol=1e-4)


def test_it_is_one_operation_and_none_in_inference() -> None:
    model = network()
    fused_ops.fuse_batchnorm(model)

    def operations(*, training: bool) -> list[str]:
        traced = tf.function(lambda x: model(x, training=training)).get_concrete_function(
            tf.TensorSpec((None, 5, 4, 6))
        )
        return [operation.type for operation in traced.graph.get_operations()]

    assert operations(training=True).count("FusedBatchNormV3") == 2
    assert "FusedBatchNormV3" not in operations(training=False)


def test_frozen_batchnorm_is_left_as_it_is() -> None:
    model = network()
    fused_ops.fuse_batchnorm(model)
    model.trainable = False
    before = [np.asarray(weight) for weight in model.weights]
    model(RNG.normal(3, 2, (7, 5, 4, 6)).astype(np.float32), training=True)
    for one, other in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_subclasses_keep_their_own_computation() -> None:
    class Louder(keras.layers.BatchNormalization):
        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            return 2 * super().call(inputs, training=training, mask=mask)

    layer = Louder()
    model = keras.Sequential([keras.Input((5, 4, 6)), layer])
    fused_ops.fuse_batchnorm(model)
    assert "call" not in vars(layer)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_adam_updates_as_keras_does(name: str) -> None:
    settings = {"learning_rate": 0.01, "weight_decay": 0.1}
    shapes = [(3, 4), (5,), ()]
    start = [RNG.normal(size=shape).astype(np.float32) for shape in shapes]
    gradients = [
        [(RNG.normal(size=shape) * 10.0**-scale).astype(np.float32) for shape in shapes]
        for scale in (0, 3, 6, 1)
    ]

    def updated(kind: Any) -> list[np.ndarray]:
        variables = [keras.Variable(value) for value in start]
        optimizer = kind(**settings)
        optimizer.build(variables)

        @tf.function
        def apply(*given: Any) -> None:
            optimizer.apply(list(given), variables)

        for given in gradients:
            apply(*map(tf.constant, given))
        assert int(optimizer.iterations) == len(gradients)
        return [np.asarray(variable) for variable in variables]

    for one, other in zip(
        updated(getattr(keras.optimizers, name)), updated(getattr(fused_ops, name)), strict=True
    ):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)

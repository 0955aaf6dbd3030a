"""Keras' BatchNormalization and Adam through TensorFlow's fused kernels, on CPUs.

Keras builds both from elementary operations. The fused kernels compute the same formulas, to
rounding, in one operation each: a large network is traced in less than half the time, and trained
up to a half faster (docs/performance.md has the figures).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf

from cifarkit.training.keras_compat import adam_moments, all_layers, replace_call


def fuse_batchnorm(model: Any) -> None:
    """Make a model's BatchNormalization layers train through the fused kernel.

    Applies to layers that normalize the last axis of images. Inference is unchanged, since Keras'
    own is faster there.
    """
    for layer in all_layers(model):
        # Subclasses may compute something else.
        if type(layer) is keras.layers.BatchNormalization and not (
            layer.synchronized or layer.renorm
        ):
            replace_call(layer, partial(_batchnorm, layer))


def _batchnorm(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """What `BatchNormalization.call` does, which Keras documents (3.15, `layers`)."""
    images = len(inputs.shape) == 4 and layer.axis in (-1, 3) and mask is None
    if not (training and layer.trainable and images):
        return keras.layers.BatchNormalization.call(layer, inputs, training=training, mask=mask)
    channels = layer.moving_mean.shape
    scale = tf.cast(layer.gamma, "float32") if layer.scale else tf.ones(channels)
    offset = tf.cast(layer.beta, "float32") if layer.center else tf.zeros(channels)
    unused = tf.zeros([0])
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=scale,
        offset=offset,
        mean=unused,
        variance=unused,
        epsilon=layer.epsilon,
        is_training=True,
    )
    # The kernel returns the unbiased variance; Keras uses the biased one.
    values = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), "float32")
    variance *= (values - 1) / values
    for kept, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        kept.assign(kept * layer.momentum + new * (1.0 - layer.momentum))
    return outputs


class _FusedUpdate:
    """Adam's update of one variable (Kingma & Ba 2015, the end of section 2) in one operation."""

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
        step = tf.cast(self.iterations + 1, "float32")
        # Shared by all variables; Keras computes them for each one.
        self._powers = (tf.pow(self.beta_1, step), tf.pow(self.beta_2, step))
        return super().apply(grads, trainable_variables)  # type: ignore[misc]

    def update_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
        momentum, velocity = adam_moments(self, variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.value.handle,
            v=velocity.value.handle,
            beta1_power=self._powers[0],
            beta2_power=self._powers[1],
            lr=tf.cast(learning_rate, "float32"),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class Adam(_FusedUpdate, keras.optimizers.Adam):  # type: ignore[misc]
    """`keras.optimizers.Adam`, without `amsgrad`, for float32 variables."""


class AdamW(_FusedUpdate, keras.optimizers.AdamW):  # type: ignore[misc]
    """`keras.optimizers.AdamW`, without `amsgrad`, for float32 variables."""

"""Precise BatchNormalization: statistics recomputed from training images before use.

Inference normalizes by statistics that Keras collects as moving averages over the training steps.
With its momentum of 0.99, a hundred steps leave 37% of their initial values in them, and a small
data set has a few steps in an epoch: a well-trained network may then validate at chance.

"Precise BatchNorm" (Wu & Johnson 2021, arXiv:2105.07576, section 3) takes the statistics of some
thousand training images instead. They are those of the weights that are validated and kept, and
the number of steps does not matter. Here the images are not augmented and dropout is off, as in
inference; variances are those of all values, by the law of total variance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from cifarkit.datasets.dataset import shuffled
from cifarkit.datasets.loader import take
from cifarkit.training.keras_compat import all_layers, replaced_calls

IMAGES = 2048
"""The most images used; Wu & Johnson find that some thousand are enough."""
_SEED = 2105_07576


def normalizations(model: Any) -> list[Any]:
    """The trainable BatchNormalization layers, including those of nested models."""
    import keras

    return [
        layer
        for layer in all_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]


def overridden(layer: Any) -> bool:
    """Whether the layer's class overrides the computation."""
    import keras

    return type(layer).call is not keras.layers.BatchNormalization.call


def sample(count: int) -> np.ndarray:
    """The rows of the images to use out of `count`, in an order that mixes classes."""
    return shuffled(count, _SEED)[:IMAGES]


class Statistics:
    """Computes the statistics of some layers of a model.

    Args:
        layers: Of `normalizations`, none of them `overridden`.
        signature: `tf.TensorSpec`s of the model's inputs.
        run: The model in inference mode, from inputs to outputs; traced here, once.
        xla: Whether to compile with XLA.
    """

    def __init__(
        self, layers: Sequence[Any], signature: Any, run: Callable[[Any], Any], *, xla: bool
    ) -> None:
        import tensorflow as tf

        self._layers = list(layers)
        order: list[int] = []

        @tf.function(jit_compile=xla, autograph=False, input_signature=[signature])
        def measure(inputs: Any) -> list[Any]:
            found: list[tuple[int, Any, Any]] = []
            calls = [
                partial(_by_the_batch, layer, number, found)
                for number, layer in enumerate(self._layers)
            ]
            with replaced_calls(self._layers, calls):
                run(inputs)
            order[:] = [layer for layer, _, _ in found]
            return [moment for _, mean, variance in found for moment in (mean, variance)]

        self._measure = measure.get_concrete_function()
        self._order = order

    def update(self, inputs: Any, rows: np.ndarray, batch_size: int) -> None:
        """Set the layers' statistics from these rows of the inputs, a batch at a time."""
        sizes: list[int] = []
        batches: list[list[np.ndarray]] = []
        for start in range(0, len(rows), batch_size):
            batch = np.sort(rows[start : start + batch_size])
            sizes.append(len(batch))
            moments = self._measure(*_tensors(take(inputs, batch)))
            batches.append([moment.numpy().astype(np.float64) for moment in moments])
        weights = np.array(sizes) / sum(sizes)
        columns = [np.stack(column) for column in zip(*batches, strict=True)]
        for number, layer in enumerate(self._layers):
            # A layer that is called several times combines the values of all calls.
            calls = [call for call, owner in enumerate(self._order) if owner == number]
            if not calls:
                continue
            share = np.tile(weights / len(calls), len(calls))
            means = np.concatenate([columns[2 * call] for call in calls])
            variances = np.concatenate([columns[2 * call + 1] for call in calls])
            mean = share @ means
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(share @ variances + share @ (means - mean) ** 2)


def _tensors(inputs: Any) -> list[Any]:
    import tensorflow as tf

    return [tf.convert_to_tensor(x) for x in tf.nest.flatten(inputs)]


def _by_the_batch(
    layer: Any,
    number: int,
    found: list[tuple[int, Any, Any]],
    inputs: Any,
    training: bool | None = None,
    mask: Any = None,
) -> Any:
    """`BatchNormalization.call` in training, without moving averages; adds moments to `found`."""
    import tensorflow as tf

    rank = len(inputs.shape)
    axis = layer.axis % rank
    x = tf.cast(inputs, "float32")
    mean, variance = tf.nn.moments(x, [place for place in range(rank) if place != axis])
    found.append((number, mean, variance))
    shape = [1] * rank
    shape[axis] = inputs.shape[axis]

    def along_axis(values: Any) -> Any:
        return tf.reshape(tf.cast(values, "float32"), shape)

    outputs = tf.nn.batch_normalization(
        x,
        along_axis(mean),
        along_axis(variance),
        along_axis(layer.beta) if layer.center else None,
        along_axis(layer.gamma) if layer.scale else None,
        layer.epsilon,
    )
    return tf.cast(outputs, layer.compute_dtype)

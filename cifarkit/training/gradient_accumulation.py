"""Gradient accumulation: one update from a batch that does not fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cifarkit.datasets.loader import take

Differentiate = Callable[[Any, Any], tuple[Any, Any, Sequence[Any]]]
"""(images, labels) to (mean loss, number right, gradients of the mean objective)."""


def in_micro_batches(
    differentiate: Differentiate,
    apply: Callable[[Sequence[Any]], None],
    weights: Sequence[Any],
    *,
    micro_batch: int,
    signature: Sequence[Any],
    xla: bool,
) -> Callable[[Any, Any], tuple[Any, Any]]:
    """A training step that has at most `micro_batch` images in memory at once.

    The batch's mean gradient is the mean of its parts', each weighted by its share of the images
    (the last part may be smaller), so that the update equals the whole batch's up to rounding.
    BatchNormalization, however, sees each part separately.

    Args:
        differentiate: Computes the gradients of a part.
        apply: Updates the weights, given a gradient for each of `weights`.
        signature: `tf.TensorSpec`s of images and labels.
        xla: Whether to compile with XLA.
    """
    import tensorflow as tf

    totals = [tf.Variable(tf.zeros(weight.shape, weight.dtype)) for weight in weights]

    @tf.function(jit_compile=xla, autograph=False)
    def accumulate(images: Any, labels: Any, share: Any) -> tuple[Any, Any]:
        loss, right, gradients = differentiate(images, labels)
        for total, gradient in zip(totals, gradients, strict=True):
            total.assign_add(gradient * tf.cast(share, gradient.dtype))
        return loss * share, right

    @tf.function(jit_compile=xla, autograph=False)
    def update() -> None:
        apply([total.read_value() for total in totals])
        for total in totals:
            total.assign(tf.zeros_like(total))

    part = accumulate.get_concrete_function(*signature, tf.TensorSpec((), tf.float32))

    def step(images: Any, labels: Any) -> tuple[Any, Any]:
        whole = len(labels)
        loss, right = tf.constant(0.0), tf.constant(0)
        for start in range(0, whole, micro_batch):
            end = min(start + micro_batch, whole)
            share = tf.constant((end - start) / whole, tf.float32)
            found = part(
                tf.nest.map_structure(tf.convert_to_tensor, take(images, slice(start, end))),
                tf.convert_to_tensor(labels[start:end]),
                share,
            )
            loss, right = loss + found[0], right + found[1]
        update()
        return loss, right

    return step

"""The compiled training and prediction steps: one trace each.

Keras' own `fit` traces its step twice, since optimizer and metric variables are made during the
first trace. Here everything is made before tracing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from cifarkit.datasets.loader import take
from cifarkit.specs import TrainSpec
from cifarkit.training.gradient_accumulation import Differentiate, in_micro_batches
from cifarkit.training.keras_compat import with_rate_factors
from cifarkit.training.precise_batchnorm import Statistics

NO_FACTORS: Mapping[int, float] = MappingProxyType({})


@dataclass(frozen=True)
class Steps:
    """The compiled functions used by the loop.

    Attributes:
        train: (images, labels) -> (mean loss, number correct), both scalar tensors; one update.
        predict: (images) -> (n, outputs) float32 logits.
            `images` is a tuple of arrays for a model of several inputs.
        optimizer: Built, with a slot for every trainable weight.
        statistics: Recomputes BatchNormalization's statistics; None if not wanted.
        averaged: A context in which the trained weights hold their averages over the updates, if
            these are wanted.
    """

    train: Callable[[Any, Any], tuple[Any, Any]]
    predict: Callable[[Any], Any]
    optimizer: Any
    statistics: Statistics | None = None
    averaged: Callable[[], AbstractContextManager[None]] = nullcontext


def uses_xla() -> bool:
    """Whether to use XLA: on GPUs only, since on CPUs it made training nine times slower."""
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def run_graphs_as_traced() -> None:
    """Turn Grappler off, which takes longer than it saves in runs of this length.

    It is off for all graphs of a process or for none, since fused operations round differently.
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def make_optimizer(train: TrainSpec, updates_per_epoch: int, factors: Sequence[float] = ()) -> Any:
    """The optimizer of a spec, with its learning rate for each update.

    `factors` of the rate, one for each variable that it will be built with, default to 1.

    With `ema` d, it keeps averages of the weights: after the first update the weights themselves,
    then d times the average plus 1 - d times the weights.
    """
    import keras

    from cifarkit.training import fused_ops

    # XLA does its own fusion.
    adams = keras.optimizers if uses_xla() else fused_ops
    kind = {
        "adam": adams.Adam,
        "adamax": keras.optimizers.Adamax,
        "sgd": keras.optimizers.SGD,
        "adamw": adams.AdamW if train.weight_decay else adams.Adam,  # Keras refuses AdamW without
        "rmsprop": keras.optimizers.RMSprop,
    }[train.optimizer]
    if set(factors) - {1.0}:
        kind = with_rate_factors(kind, factors)
    rate = learning_rates(train, updates_per_epoch)
    optimizer = kind(
        rate,
        weight_decay=train.weight_decay or None,
        use_ema=train.ema > 0,
        ema_momentum=train.ema,
    )
    if train.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def learning_rates(train: TrainSpec, updates_per_epoch: int) -> Any:
    """The learning rate, or Keras' schedule that gives it for each update.

    In a warm-up of n updates, update k is made at k/n of the rate (Goyal et al. 2017, section 2.2).
    From the last of them on (without warm-up, from the first update on), a cosine schedule falls as
    half a cosine that would reach 0 with the update after the last planned one (Loshchilov & Hutter
    2017, equation 5, without restarts).
    """
    from keras.optimizers import schedules

    rate, warmup = train.learning_rate, train.warmup_epochs * updates_per_epoch
    rising = max(warmup - 1, 0)
    if train.schedule == "cosine":
        return schedules.CosineDecay(
            rate / max(warmup, 1),
            decay_steps=train.epochs * updates_per_epoch - rising,
            warmup_target=rate if rising else None,
            warmup_steps=rising,
        )
    if rising:
        return schedules.PolynomialDecay(rate / warmup, decay_steps=rising, end_learning_rate=rate)
    return rate


def compile_steps(
    model: Any,
    train: TrainSpec,
    dtypes: Sequence[str] = ("uint8",),
    micro_batch: int | None = None,
    *,
    augmented: bool = False,
    soft_labels: bool = False,
    precise: Sequence[Any] = (),
    updates_per_epoch: int,
    factors: Mapping[int, float] = NO_FACTORS,
) -> Steps:
    """Compile the steps of a model; its layers must already be frozen as wanted.

    Args:
        dtypes: The dtype of each of the model's inputs.
        micro_batch: The most images in memory at once; None for whole batches.
        augmented: Whether the training images are augmented, and so float32.
        soft_labels: Whether the labels are (n, outputs) float32 instead of (n,) int32.
        precise: The BatchNormalization layers whose statistics are recomputed.
        updates_per_epoch: See `learning_rates`.
        factors: Of the learning rate, by the `id` of a weight; 1 for others (see `layer_rates`).
    """
    import tensorflow as tf

    from cifarkit.training.fused_ops import fuse_batchnorm

    xla = uses_xla()
    if not xla:
        fuse_batchnorm(model)
    run_graphs_as_traced()
    weights = model.trainable_variables
    optimizer = make_optimizer(
        train, updates_per_epoch, [factors.get(id(weight), 1.0) for weight in weights]
    )
    optimizer.build(weights)
    differentiate = _gradients_of(model, train, optimizer)

    def apply(gradients: Sequence[Any]) -> None:
        optimizer.apply(gradients, weights)

    @tf.function(jit_compile=xla, reduce_retracing=True, autograph=False)
    def train_step(images: Any, labels: Any) -> tuple[Any, Any]:
        loss, right, gradients = differentiate(images, labels)
        apply(gradients)
        return loss, right

    statistics = None
    if precise:
        forward = partial(_run, model, training=False)
        statistics = Statistics(precise, _signature(model, dtypes), forward, xla=xla)
    batch = (
        _signature(model, ["float32"] * len(dtypes) if augmented else dtypes),
        tf.TensorSpec((None, model.output_shape[-1]), tf.float32)
        if soft_labels
        else tf.TensorSpec((None,), tf.int32),
    )
    step: Callable[[Any, Any], tuple[Any, Any]]
    if micro_batch is None:
        step = train_step.get_concrete_function(*batch)
    else:
        step = in_micro_batches(
            differentiate, apply, weights, micro_batch=micro_batch, signature=batch, xla=xla
        )
    averaged = partial(_averaged, optimizer, weights) if train.ema else nullcontext
    return Steps(step, compile_predict(model, dtypes), optimizer, statistics, averaged)


@contextmanager
def _averaged(optimizer: Any, weights: Sequence[Any]) -> Iterator[None]:
    """Temporarily give weights their averages over the updates."""
    own = [np.asarray(weight) for weight in weights]
    optimizer.finalize_variable_values(weights)
    try:
        yield
    finally:
        for weight, value in zip(weights, own, strict=True):
            weight.assign(value)


def _gradients_of(model: Any, train: TrainSpec, optimizer: Any) -> Differentiate:
    """The loss of a batch, the number right, and the gradients of what is minimized.

    Of a soft label, the class with the largest weight is right.
    """
    import keras
    import tensorflow as tf

    weights, outputs = model.trainable_variables, model.output_shape[-1]

    def differentiate(images: Any, labels: Any) -> tuple[Any, Any, Any]:
        targets, classes = labels, labels
        if labels.shape.rank == 1:
            targets = tf.one_hot(labels, outputs)
        else:
            classes = tf.argmax(labels, axis=-1, output_type=tf.int32)
        with tf.GradientTape() as tape:
            logits = _run(model, images, training=True)
            losses = keras.losses.categorical_crossentropy(
                targets,
                logits,
                from_logits=True,
                label_smoothing=train.label_smoothing,
            )
            loss = tf.reduce_mean(losses)
            objective = tf.add_n([loss, *model.losses]) if model.losses else loss
            if train.precision == "mixed_float16":
                objective = optimizer.scale_loss(objective)
        gradients = tape.gradient(objective, weights)
        if unused := [w.path for w, g in zip(weights, gradients, strict=True) if g is None]:
            raise RuntimeError(f"these trainable weights do not affect the loss: {unused}")
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=classes.dtype), classes)
        return loss, tf.reduce_sum(tf.cast(right, tf.int32)), gradients

    return differentiate


def compile_predict(model: Any, dtypes: Sequence[str] = ("uint8",)) -> Callable[[Any], Any]:
    """`Steps.predict` of a model; traced at the first call."""
    import tensorflow as tf

    @tf.function(
        jit_compile=uses_xla(), autograph=False, input_signature=[_signature(model, dtypes)]
    )
    def predict_step(images: Any) -> Any:
        return _run(model, images, training=False)

    compiled: Callable[[Any], Any] = predict_step
    return compiled


def _signature(model: Any, dtypes: Sequence[str]) -> Any:
    import tensorflow as tf

    inputs = zip(model.inputs, dtypes, strict=True)
    specs = tuple(tf.TensorSpec((None, *x.shape[1:]), dtype) for x, dtype in inputs)
    return specs if len(specs) > 1 else specs[0]


def _run(model: Any, images: Any, *, training: bool) -> Any:
    import tensorflow as tf

    tensors = [tf.cast(x, tf.float32) for x in tf.nest.flatten(images)]
    return model(tensors if len(tensors) > 1 else tensors[0], training=training)


def predict(step: Callable[[Any], Any], images: Any, batch_size: int) -> np.ndarray:
    """Logits of all images, (n, outputs) float32, a batch at a time."""
    count = len(images[0]) if isinstance(images, tuple) else len(images)
    parts = [
        step(take(images, slice(start, start + batch_size))).numpy()
        for start in range(0, count, batch_size)
    ]
    return np.concatenate(parts)

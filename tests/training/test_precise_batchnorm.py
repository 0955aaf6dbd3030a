"""What is validated and kept is normalized by the images' statistics, however few the steps."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from cifarkit.datasets.dataset import Splits
from cifarkit.studies.completion import trial_spec
from cifarkit.training import precise_batchnorm
from cifarkit.training.fit_result import FitResult
from cifarkit.training.loop import fit
from cifarkit.training.model_builder import BuiltModel, precision
from tests.training.test_loop import stripes

# Sorted by class, as a folder is read: batches in that order would hold one class each.
IMAGES, LABELS = stripes(96, 0)
ORDER = np.argsort(LABELS, kind="stable")
DATA = Splits(
    IMAGES[ORDER], LABELS[ORDER], *stripes(32, 1), *stripes(32, 2), ("across", "along"), ()
)


class Louder(keras.layers.BatchNormalization):
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return 2 * super().call(inputs, training=training, mask=mask)


def network(precise: bool, kind: type = keras.layers.BatchNormalization) -> BuiltModel:
    """Two convolutions with Keras' own momentum; a third normalization is frozen."""
    from keras import layers

    image = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, strides=2, name="conv1")(image)
    x = layers.ReLU()(kind(name="bn1")(x))
    x = layers.SpatialDropout2D(0.2)(x)
    x = layers.Conv2D(8, 3, strides=2)(x)
    x = layers.ReLU()(layers.BatchNormalization(name="bn2", scale=False)(x))
    backbone = keras.Model(image, x, name="backbone")
    inputs = keras.Input((32, 32, 3))
    y = backbone(layers.Rescaling(1 / 255)(inputs))
    y = layers.BatchNormalization(name="frozen", trainable=False)(y)
    y = layers.Flatten()(y)
    y = layers.Dense(2, dtype="float32")(layers.BatchNormalization(name="flat")(y))
    return BuiltModel(keras.Model(inputs, y), backbone, (), 32, 0, precise_batchnorm=precise)


def deep(precise: bool) -> BuiltModel:
    """Six normalized layers, as trained with a momentum of 0.99."""
    from keras import layers

    image = keras.Input((32, 32, 3))
    x = image
    for _ in range(6):
        x = layers.Conv2D(8, 3, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    backbone = keras.Model(image, layers.AveragePooling2D(8)(x), name="backbone")
    inputs = keras.Input((32, 32, 3))
    y = layers.Flatten()(backbone(layers.Rescaling(1 / 255)(inputs)))
    y = layers.Dense(2, dtype="float32")(y)
    return BuiltModel(keras.Model(inputs, y), backbone, (), 32, 0, precise_batchnorm=precise)


def train(
    precise: bool = True,
    micro_batch: int | None = None,
    make: Callable[[bool], BuiltModel] = network,
    **settings: Any,
) -> tuple[FitResult, Any, BuiltModel]:
    spec = trial_spec(
        **{"model": "resnet8", "dataset": "cifar10", "classes": 2, "batch_size": 32, "epochs": 4}
        | {"augment": False, "weights": "none"}
        | settings
    )
    keras.utils.set_random_seed(0)
    with precision(spec.train.precision):
        built = make(precise)
    silent: Any = lambda *_: None  # noqa: E731
    done, logits_of = fit(
        built, DATA, spec.train, emit=silent, on_epoch=silent, micro_batch=micro_batch
    )
    return done, logits_of, built


def layer(built: BuiltModel, name: str) -> Any:
    return next(found for found in built.model._flatten_layers() if found.name == name)


def test_few_steps_do_not_make_a_good_network_validate_at_chance() -> None:
    """Twelve steps in all: moving averages hold nine tenths of what they began with."""
    lagging, *_ = train(precise=False, make=deep)
    found, logits_of, built = train(make=deep)
    assert found.history[0]["loss"] == lagging.history[0]["loss"]  # training is the same
    assert max(row["accuracy"] for row in lagging.history) > 0.9
    assert [row["validation_accuracy"] for row in lagging.history] == [0.5] * 4
    assert found.history[-1]["validation_accuracy"] > 0.95
    logits = logits_of(DATA.test_images)
    assert (logits.argmax(axis=1) == DATA.test_labels).mean() > 0.95
    again = built.model(DATA.test_images.astype("float32"), training=False)
    np.testing.assert_allclose(np.asarray(again), logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"micro_batch": 13, "ema": 0.5}, {"batch_size": 40}])
def test_the_kept_statistics_are_the_kept_weights_own(settings: dict[str, Any]) -> None:
    """So high a rate that the best epoch is an early one, whose weights come back at the end."""
    done, _, built = train(learning_rate=0.05, epochs=6, patience=2, **settings)
    assert done.best_epoch < len(done.history)
    values = np.asarray(layer(built, "conv1")(DATA.train_images.astype("float32") / 255))
    found = layer(built, "bn1")
    np.testing.assert_allclose(found.moving_mean, values.mean((0, 1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.moving_variance, values.var((0, 1, 2)), rtol=1e-4, atol=1e-5)


def test_what_is_frozen_keeps_its_statistics() -> None:
    _, _, built = train()
    frozen = layer(built, "frozen")
    np.testing.assert_array_equal(frozen.moving_mean, np.zeros(8))
    np.testing.assert_array_equal(frozen.moving_variance, np.ones(8))
    assert not np.allclose(layer(built, "bn2").moving_mean, 0)


def test_the_sample_does_not_depend_on_the_training() -> None:
    rows = precise_batchnorm.sample(10_000)
    assert len(set(rows)) == precise_batchnorm.IMAGES
    np.testing.assert_array_equal(rows, precise_batchnorm.sample(10_000))
    assert sorted(precise_batchnorm.sample(96)) == list(range(96))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy: str) -> None:
    done, _, _ = train(precision=policy)
    assert done.history[-1]["validation_accuracy"] > 0.9


def test_a_subclass_that_computes_otherwise_is_left_alone_and_named() -> None:
    done, _, built = train(make=lambda precise: network(precise, Louder))
    assert done.notes == ["Louder kept Keras' moving averages, since it overrides the computation"]
    values = np.asarray(layer(built, "conv1")(DATA.train_images.astype("float32") / 255))
    assert not np.allclose(layer(built, "bn1").moving_mean, values.mean((0, 1, 2)), rtol=1e-2)

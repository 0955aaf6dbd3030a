"""The loop learns, stops when it should, keeps the best weights, and repeats to the digit."""

from typing import Any

import keras
import numpy as np
import pytest

from cifarkit.datasets.dataset import Splits
from cifarkit.evaluation.logits import cross_entropy_and_accuracy
from cifarkit.studies.completion import trial_spec
from cifarkit.training.fit_result import FitResult
from cifarkit.training.loop import NotFinite, fit
from cifarkit.training.model_builder import build
from cifarkit.training.step import make_optimizer


def stripes(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that differ by the direction of their stripes."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).astype(np.int32)
    wave = np.where(np.arange(32) // 4 % 2, 200, 50)
    images = np.where(
        labels[:, None, None, None], wave[None, :, None, None], wave[None, None, :, None]
    )
    noisy = images + rng.normal(0, 30, (n, 32, 32, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8), labels


DATA = Splits(*stripes(96, 0), *stripes(32, 1), *stripes(32, 2), ("across", "along"), ())


def train(model: str = "lenet", **settings: Any) -> tuple[FitResult, Any, Any]:
    spec = trial_spec(
        **{"model": model, "dataset": "cifar10", "classes": 2, "batch_size": 32, "epochs": 4}
        | settings
    )
    keras.utils.set_random_seed(spec.train.seed)
    built = build(spec.model, (32, 32))
    done, logits_of = fit(built, DATA, spec.train, emit=lambda *_: None, on_epoch=lambda _: None)
    return done, logits_of, built


def test_it_learns() -> None:
    done, logits_of, _ = train(augment=False)
    assert done.history[-1]["loss"] < done.history[0]["loss"]
    assert cross_entropy_and_accuracy(logits_of(DATA.test_images), DATA.test_labels)[1] == 1.0
    assert [row["epoch"] for row in done.history] == [1, 2, 3, 4]
    assert done.first_step_seconds > 0
    assert 0 <= done.input_wait_share <= 1


@pytest.mark.parametrize("optimizer", ["adam", "adamax", "sgd", "adamw", "rmsprop"])
def test_every_optimizer_lowers_the_loss(optimizer: str) -> None:
    done, _, _ = train(optimizer=optimizer, augment=False, learning_rate=1e-3, epochs=3)
    assert done.history[-1]["loss"] < done.history[0]["loss"]


def test_it_repeats_to_the_digit() -> None:
    first, _, _ = train(model="custom_cnn")
    again, _, _ = train(model="custom_cnn")
    other, _, _ = train(model="custom_cnn", seed=1)
    columns = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    figures = [[[row[c] for c in columns] for row in run.history] for run in (first, again, other)]
    assert figures[0] == figures[1]
    assert figures[0] != figures[2]


def test_it_matches_keras_own_fit() -> None:
    """The same updates as `model.fit` on the same batches: one loop, no other mathematics."""
    spec = trial_spec(
        model="lenet", dataset="cifar10", classes=2, batch_size=96, epochs=3, augment=False
    )
    keras.utils.set_random_seed(0)
    built = build(spec.model, (32, 32))
    ours = built.model
    theirs = keras.models.clone_model(ours)
    theirs.set_weights(ours.get_weights())
    done, _ = fit(built, DATA, spec.train, emit=lambda *_: None, on_epoch=lambda _: None)
    theirs.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    # One batch holds all images, so that the order within it does not matter.
    kept = theirs.fit(
        DATA.train_images.astype("float32"), DATA.train_labels, batch_size=96, epochs=3, verbose=0
    )
    np.testing.assert_allclose(
        [row["loss"] for row in done.history], kept.history["loss"], rtol=1e-3
    )


def test_patience_ends_it_and_the_best_weights_are_kept() -> None:
    # So high a rate that the validation loss soon only rises.
    done, logits_of, _ = train(learning_rate=0.02, epochs=40, patience=2, augment=False)
    losses = [row["validation_loss"] for row in done.history]
    assert done.best_epoch == 1 + int(np.argmin(losses))
    assert done.stopped_early is (len(losses) < 40)
    if done.stopped_early:
        assert len(losses) == done.best_epoch + 2
    kept = cross_entropy_and_accuracy(logits_of(DATA.validation_images), DATA.validation_labels)
    assert kept[0] == pytest.approx(min(losses), rel=1e-6)


def test_a_loss_that_is_no_number_ends_it_with_a_reason() -> None:
    with pytest.raises(NotFinite, match="learning rate 1e\\+30 may be too high"):
        train(learning_rate=1e30, optimizer="sgd", augment=False)


def test_frozen_weights_do_not_change() -> None:
    spec = trial_spec(
        model="resnet8",
        weights="none",
        dataset="cifar10",
        classes=2,
        image_size=32,
        unfreeze=0.0,
        batch_size=48,
        epochs=1,
    )
    built = build(spec.model, (32, 32))
    before = [np.asarray(weight) for weight in built.backbone.weights]
    head = np.asarray(built.model.trainable_weights[0])
    fit(built, DATA, spec.train, emit=lambda *_: None, on_epoch=lambda _: None)
    for old, new in zip(before, built.backbone.weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))
    assert not np.array_equal(head, np.asarray(built.model.trainable_weights[0]))


def test_the_head_is_trained_first_and_then_everything() -> None:
    settings = {"weights": "none", "image_size": 32, "batch_size": 48, "augment": False}
    keras.utils.set_random_seed(0)
    alike = trial_spec(model="resnet8", dataset="cifar10", classes=2, **settings)
    initial = build(alike.model, (32, 32))
    start = [np.asarray(weight) for weight in initial.backbone.weights]
    probed: list[list[np.ndarray]] = []
    spec = trial_spec(
        model="resnet8", dataset="cifar10", classes=2, head_epochs=2, epochs=1, **settings
    )
    keras.utils.set_random_seed(0)
    built = build(spec.model, (32, 32))
    trainable = [layer.trainable for layer in built.backbone.layers]

    def keep(rows: list[dict[str, float]]) -> None:
        probed.append([np.asarray(weight) for weight in built.backbone.weights])

    done, _ = fit(built, DATA, spec.train, emit=lambda *_: None, on_epoch=keep)
    assert [row["epoch"] for row in done.history] == [1, 2, 3]
    assert done.best_epoch == 3
    assert [layer.trainable for layer in built.backbone.layers] == trainable
    for before, head_only in zip(start, probed[1], strict=True):
        np.testing.assert_array_equal(before, head_only)
    assert any(not np.array_equal(a, b) for a, b in zip(probed[1], probed[2], strict=True))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns(policy: str) -> None:
    from cifarkit.training.model_builder import precision

    with precision(policy):
        done, _, _ = train(precision=policy, augment=False, epochs=2)
    assert done.history[-1]["loss"] < done.history[0]["loss"]


def test_warmup_by_hand() -> None:
    """Four updates of 0.1, 0.2, 0.3, 0.4 times a gradient of 1, then of 0.4."""
    rates = [0.1, 0.2, 0.3, 0.4, 0.4, 0.4]
    np.testing.assert_allclose(rates_of(warmup_epochs=2, epochs=3), rates, rtol=1e-6)


@pytest.mark.parametrize(
    ("warmup_epochs", "rates"),
    [
        # 0.2 (1 + cos x) for x = 0, 30, ..., 150 degrees
        (0, [0.4, 0.373205, 0.3, 0.2, 0.1, 0.026795]),
        # up to 0.4 in two updates, then x = 36, 72, 108, 144 degrees
        (1, [0.2, 0.4, 0.361803, 0.261803, 0.138197, 0.038197]),
        # in four updates; then x = 60 and 120 degrees
        (2, [0.1, 0.2, 0.3, 0.4, 0.3, 0.1]),
    ],
)
def test_cosine_by_hand(warmup_epochs: int, rates: list[float]) -> None:
    """Three epochs of two updates; one more would be made at a rate of 0."""
    found = rates_of(warmup_epochs=warmup_epochs, epochs=3, schedule="cosine")
    np.testing.assert_allclose(found, rates, rtol=2e-5)


def rates_of(**settings: Any) -> np.ndarray:
    """The learning rates of six updates, two in an epoch: each moves a weight so far."""
    spec = trial_spec(
        model="lenet", dataset="cifar10", optimizer="sgd", learning_rate=0.4, **settings
    )
    optimizer = make_optimizer(spec.train, updates_per_epoch=2)
    weight = keras.Variable([0.0])
    seen = [0.0]
    for _ in range(6):
        optimizer.apply([keras.ops.ones(1)], [weight])
        seen.append(-float(weight[0]))
    return np.diff(seen)


def test_a_cosine_schedule_that_is_cut_short_is_noted() -> None:
    """An update in each of 40 planned epochs; the rate is that of the update that is not made."""
    done, _, _ = train(learning_rate=0.02, epochs=40, patience=2, batch_size=96, augment=False,
                       schedule="cosine")  # fmt: skip
    assert done.stopped_early
    made = len(done.history)
    rate = 0.01 * (1 + np.cos(np.pi * made / 40))
    assert done.notes == [
        f"the cosine schedule is planned for 40 epochs; it stopped early, after {made}, at a "
        f"learning rate of {rate:.3g}"
    ]


def test_adamw_without_weight_decay_is_adam() -> None:
    losses = [
        [row["loss"] for row in train(epochs=2, **settings)[0].history]
        for settings in ({"optimizer": "adamw", "weight_decay": 0}, {"optimizer": "adam"})
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_first_epoch_of_two_of_warmup_has_half_the_rate(optimizer: str) -> None:
    """An epoch is one update here."""
    settings = {"optimizer": optimizer, "batch_size": 96, "augment": False}
    warm, _, _ = train(learning_rate=0.02, warmup_epochs=2, epochs=2, **settings)
    cold, _, _ = train(learning_rate=0.01, epochs=2, **settings)
    losses = [[row["validation_loss"] for row in done.history] for done in (warm, cold)]
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-6)
    assert losses[0][1] != pytest.approx(losses[1][1], rel=1e-3)


def test_cross_entropy_by_hand() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], np.float32))
    loss, accuracy = cross_entropy_and_accuracy(logits, np.array([0, 1]))
    assert loss == pytest.approx((np.log(2) + np.log(10)) / 2, rel=1e-6)
    assert accuracy == 0.5

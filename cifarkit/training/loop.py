"""The one training loop: epochs of compiled steps, early stopping, the best weights kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from cifarkit.data.dataset import Splits
from cifarkit.data.pipeline import Batches, make_augment
from cifarkit.specs import RANDOM_LEARNING_RATE, TrainSpec
from cifarkit.training.build import BuiltModel, all_frozen
from cifarkit.training.frozen_prefix import Source, source
from cifarkit.training.steps import Steps, compile_steps, predict

Emit = Callable[[str, dict[str, Any]], None]
EVENT_INTERVAL_SECONDS = 0.5


@dataclass
class Fit:
    """What a fit did.

    Attributes:
        history: One row per epoch (see `trials.record.TrialRecord.history`).
        best_epoch: The epoch, from 1, whose weights the model holds now.
        first_step_seconds: Tracing, optimizing and running the first step.
        input_wait_share: The share of the steps' time that was spent waiting for a batch.
        prefix_seconds: Running the frozen layers once per image, or reading back what they gave.
        notes: For a reader of the result.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    stopped_early: bool = False
    first_step_seconds: float = 0.0
    input_wait_share: float = 0.0
    prefix_seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def median(self, column: str) -> float:
        return float(median(row[column] for row in self.history))


class NotFinite(ArithmeticError):
    """A loss stopped being a number: the learning rate is too high, as a rule."""


Logits = Callable[[np.ndarray], np.ndarray]


def fit(
    built: BuiltModel,
    splits: Splits,
    train: TrainSpec,
    *,
    emit: Emit,
    on_epoch: Callable[[list[dict[str, float]]], None],
) -> tuple[Fit, Logits]:
    """Train a model in place, to the weights of the epoch with the lowest validation loss.

    With `head_epochs`, the head alone is trained first, at the rate for random weights: a head
    that starts at random would wreck pretrained features (Kumar et al. 2022, section 3).

    Args:
        emit: Given `("step", ...)` about twice a second and `("epoch", row)` after each epoch.
        on_epoch: Given the history so far after each epoch.

    Returns:
        The fit, and a function from the images of one of the splits to (n, outputs) float32 logits.

    Raises:
        NotFinite: A loss was not a number.
    """
    run = _Run(built.model, splits, train, emit, on_epoch)
    if train.head_epochs:
        head_only = train.model_copy(update={"learning_rate": RANDOM_LEARNING_RATE})
        with all_frozen(built.backbone):
            run.phase(head_only, epochs=train.head_epochs, patience=None)
    logits_of = run.phase(train, epochs=train.epochs, patience=train.patience)
    return run.done, logits_of


class _Run:
    """One fit: what its phases share."""

    def __init__(
        self,
        model: Any,
        splits: Splits,
        train: TrainSpec,
        emit: Emit,
        on_epoch: Callable[[list[dict[str, float]]], None],
    ) -> None:
        self.model, self.splits = model, splits
        self.emit, self.on_epoch = emit, on_epoch
        self.done = Fit()
        self.augment = (
            make_augment(**train.augmentation.model_dump()) if train.augmentation else None
        )
        self.all_epochs = train.head_epochs + train.epochs
        self.waited = self.worked = 0.0

    def phase(self, train: TrainSpec, *, epochs: int, patience: int | None) -> Logits:
        """Train what is not frozen now; without patience, to the last epoch's weights."""
        parts = [self.splits.train_images, self.splits.validation_images]
        if patience is not None:
            parts.append(self.splits.test_images)
        taken = source(self.model, parts, train, epochs=epochs, emit=self.emit)
        self.done.prefix_seconds += taken.seconds
        self.done.notes = (*self.done.notes, taken.note) if taken.note else self.done.notes
        self.emit("phase", {"phase": "compile"})
        began = time.perf_counter()
        steps = compile_steps(taken.model, train, taken.dtypes)
        traced_seconds = time.perf_counter() - began
        best_loss, best_weights = np.inf, None

        def logits_of(images: np.ndarray) -> np.ndarray:
            return predict(steps, taken.of(images), train.batch_size)

        first = len(self.done.history) + 1
        for epoch in range(first, first + epochs):
            row = self._epoch(epoch, train, taken, steps, logits_of)
            if epoch == 1:
                self.done.first_step_seconds = traced_seconds + row["first_step_seconds"]
            del row["first_step_seconds"]
            self.done.history.append(row)
            self.on_epoch(self.done.history)
            self.emit("epoch", row | {"epochs": self.all_epochs})
            if patience is None:
                continue
            if row["validation_loss"] < best_loss:
                best_loss, self.done.best_epoch = row["validation_loss"], epoch
                best_weights = [np.asarray(weight) for weight in self.model.weights]
            elif epoch - self.done.best_epoch >= patience:
                self.done.stopped_early = epoch < self.all_epochs
                break
        if best_weights is not None:
            self.model.set_weights(best_weights)
        self.done.input_wait_share = self.waited / self.worked if self.worked else 0.0
        return logits_of

    def _epoch(
        self, epoch: int, train: TrainSpec, taken: Source, steps: Steps, logits_of: Logits
    ) -> dict[str, float]:
        batches = Batches(
            taken.of(self.splits.train_images),
            self.splits.train_labels,
            batch_size=train.batch_size,
            seed=train.seed,
            epoch=epoch,
            augment=self.augment,
        )

        def report(seen: int) -> None:
            images = len(self.splits.train_labels)
            place = {"epoch": epoch, "epochs": self.all_epochs}
            self.emit("step", {**place, "seen": seen, "images": images})

        row = {"epoch": epoch, **_train_epoch(steps.train, batches, report)}
        self.waited += batches.wait_seconds
        self.worked += row["train_seconds"]
        began = time.perf_counter()
        loss, accuracy = cross_entropy_and_accuracy(
            logits_of(self.splits.validation_images), self.splits.validation_labels
        )
        if not (np.isfinite(row["loss"]) and np.isfinite(loss)):
            raise NotFinite(
                f"the loss is not a number in epoch {epoch}: the learning rate "
                f"{train.learning_rate:g} may be too high for this network"
            )
        return row | {
            "validation_loss": loss,
            "validation_accuracy": accuracy,
            "validation_seconds": time.perf_counter() - began,
        }


def _train_epoch(
    step: Callable[[Any, Any], tuple[Any, Any]], batches: Batches, report: Callable[[int], None]
) -> dict[str, float]:
    """One pass over the batches; `report` is told how many images were seen, now and then."""
    began = reported = time.perf_counter()
    after_first, first_images, seen = began, 0, 0
    results = []
    for images, labels in batches:
        loss, right = step(images, labels)
        results.append((loss, right, len(labels)))
        seen += len(labels)
        if first_images == 0:
            float(loss)  # waits for the device, so that the first step is timed whole
            after_first, first_images = time.perf_counter(), seen
        if (now := time.perf_counter()) - reported >= EVENT_INTERVAL_SECONDS:
            reported = now
            report(seen)
    total_loss = sum(float(loss) * n for loss, _, n in results)
    now = time.perf_counter()
    # An epoch of a single batch has no steps after its first.
    steady, steady_seconds = seen - first_images, now - after_first
    return {
        "loss": total_loss / seen,
        "accuracy": sum(int(right) for _, right, _ in results) / seen,
        "train_seconds": now - began,
        "images_per_second": (
            steady / steady_seconds if steady else first_images / (after_first - began)
        ),
        "first_step_seconds": after_first - began,
    }


def cross_entropy_and_accuracy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy in nats (without label smoothing) and accuracy, in double precision."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    losses = log_sum - shifted[np.arange(len(labels)), labels]
    return float(losses.mean()), float((logits.argmax(axis=1) == labels).mean())

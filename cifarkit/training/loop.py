"""The training loop: epochs of compiled steps, early stopping, keeping the best weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from cifarkit.datasets.dataset import Images, Splits
from cifarkit.datasets.loader import Batches
from cifarkit.evaluation.logits import cross_entropy_and_accuracy
from cifarkit.execution.events import (
    MIN_INTERVAL_SECONDS,
    Emit,
    EpochEnded,
    PhaseChanged,
    StepDone,
)
from cifarkit.profiling.environment import arithmetic
from cifarkit.specs import RANDOM_LEARNING_RATE, TrainSpec
from cifarkit.text import number
from cifarkit.training import feature_cache, precise_batchnorm
from cifarkit.training.checkpoint import Checkpoints, Snapshot
from cifarkit.training.epoch_inputs import EpochInputs
from cifarkit.training.feature_cache import Source
from cifarkit.training.fit_result import FitResult
from cifarkit.training.layer_rates import rate_factors
from cifarkit.training.model_builder import BuiltModel, all_frozen
from cifarkit.training.step import Steps, compile_predict, compile_steps, predict


class NotFinite(ArithmeticError):
    """A loss is not finite; usually the learning rate is too high."""


Logits = Callable[[Images], np.ndarray]


def fit(
    built: BuiltModel,
    splits: Splits,
    train: TrainSpec,
    *,
    emit: Emit,
    on_epoch: Callable[[list[dict[str, float]]], None],
    checkpoints: Checkpoints | None = None,
    micro_batch: int | None = None,
) -> tuple[FitResult, Logits]:
    """Train a model in place, to the weights of the epoch with the lowest validation loss.

    With `head_epochs`, the head alone is trained first, at the rate for random weights: a head
    that starts at random would distort pretrained features (Kumar et al. 2022, section 3).

    Args:
        emit: Called with changes of phase, steps (about twice a second), and epochs.
        on_epoch: Called with the history after each epoch.
        checkpoints: Checkpoints to resume from and to write; on a CPU a resumed training gives
            exactly the same result.
        micro_batch: How many images may be in memory at once; None for a batch. The updates are
            the batch's (see `training.gradient_accumulation`).

    Returns:
        The fit, and a function from the images of one of the splits to (n, outputs) float32 logits.

    Raises:
        NotFinite: A loss was not a number.
    """
    trainer = _Trainer(built, splits, train, emit, on_epoch, checkpoints, micro_batch)
    head = train.head_epochs
    if len(trainer.result.history) < head:
        head_only = train.model_copy(
            update={
                "learning_rate": RANDOM_LEARNING_RATE,
                "warmup_epochs": 0,
                "schedule": "constant",
                "ema": 0.0,
                "layer_decay": 1.0,
            }
        )
        with all_frozen(built.backbone):
            trainer.phase(head_only, after=0, last=head, patience=None)
    logits_of = trainer.phase(train, after=head, last=head + train.epochs, patience=train.patience)
    trainer.result.seconds = trainer.seconds()
    return trainer.result, logits_of


class _Trainer:
    """A fit, with the state shared by its phases."""

    def __init__(
        self,
        built: BuiltModel,
        splits: Splits,
        train: TrainSpec,
        emit: Emit,
        on_epoch: Callable[[list[dict[str, float]]], None],
        checkpoints: Checkpoints | None,
        micro_batch: int | None,
    ) -> None:
        self.model, self.body, self.splits = built.model, built.body, splits
        self.emit, self.on_epoch = emit, on_epoch
        self.checkpoints, self.micro_batch = checkpoints, micro_batch
        self.began = time.perf_counter()
        self.all_epochs = train.head_epochs + train.epochs
        self.at_once = micro_batch or train.batch_size
        self.inputs = EpochInputs(splits, train, built.model.output_shape[-1])
        self.precise_batchnorm = built.precise_batchnorm
        self.saved = checkpoints.load() if checkpoints else None
        self.result = FitResult(**self.saved.progress) if self.saved else FitResult()
        if (here := arithmetic()) not in self.result.ran_on:
            self.result.ran_on.append(here)
        if self.inputs.soft_labels:
            self._note(
                "loss and accuracy during training are those of mixed images: the loss against "
                "soft labels, the accuracy against the class of the larger share"
            )
        self.before = self.result.seconds
        self.resumed_at = len(self.result.history)
        if self.saved:
            self.result.resumed_after.append(self.resumed_at)
            _assign(self.model.variables, self.saved.variables["model"])

    def seconds(self) -> float:
        """Seconds of the whole fit so far."""
        return self.before + time.perf_counter() - self.began

    def phase(self, train: TrainSpec, *, after: int, last: int, patience: int | None) -> Logits:
        """Train the currently unfrozen layers in the epochs `after` + 1 to `last`.

        Without patience it ends with the last epoch's weights, else with the best one's.
        """
        precise = self._precise_layers(averaged=train.ema > 0)
        source = self._source(train, last - after, precise, test_images=patience is not None)
        self.emit(PhaseChanged("compile"))
        began = time.perf_counter()
        steps = self._compile(train, source, precise)
        whole = compile_predict(self.model)
        compile_seconds = time.perf_counter() - began
        best_weights = self._restore(steps) if after < self.resumed_at else None
        self.saved = None  # frees arrays as large as the model

        def logits_of(images: Images) -> np.ndarray:
            if source.has(images):
                return predict(steps.predict, source.of(images), self.at_once)
            return predict(whole, images, self.at_once)

        for epoch in range(len(self.result.history) + 1, last + 1):
            if best_weights and patience and epoch - self.result.best_epoch > patience:
                self.result.stopped_early = True
                self._note_rest_of_schedule(train, steps, epoch - 1 - after)
                break
            row = self._train(epoch, source, steps)
            first_step_seconds = row.pop("first_step_seconds")
            if epoch == 1:
                self.result.first_step_seconds = compile_seconds + first_step_seconds
            self.result.history.append(row)
            with steps.averaged():
                row |= self._validate(epoch, row["loss"], train, source, steps, logits_of)
                if patience is not None and row["validation_loss"] < self.result.best_loss:
                    self.result.best_loss, self.result.best_epoch = row["validation_loss"], epoch
                    best_weights = _copied(self.model.weights)
            self.on_epoch(self.result.history)
            self._save(epoch, steps, best_weights, averaged=train.ema > 0)
            figures = {name: value for name, value in row.items() if name != "epoch"}
            self.emit(EpochEnded(epoch, self.all_epochs, **figures))
        if best_weights is not None:
            self.model.set_weights(best_weights)
        return logits_of

    def _source(
        self, train: TrainSpec, epochs: int, precise: Sequence[Any], *, test_images: bool
    ) -> Source:
        """The model to train, whole or behind its frozen layers, and its inputs."""
        parts = [*self.inputs.views, self.splits.validation_images]
        if test_images:
            parts.append(self.splits.test_images)
        if precise and self.inputs.sample is not self.inputs.views[0]:
            parts.append(self.inputs.sample)
        source = feature_cache.prepare(self.model, parts, train, epochs=epochs, emit=self.emit)
        self.result.prefix_seconds += source.seconds
        self.result.prefix_made_seconds += source.made_seconds
        self.result.prefix_entries.update(source.entries)
        if source.note:
            self._note(source.note)
        return source

    def _precise_layers(self, *, averaged: bool) -> list[Any]:
        """The BatchNormalization layers whose statistics are recomputed."""
        layers = precise_batchnorm.normalizations(self.model)
        own = {type(layer).__name__ for layer in layers if precise_batchnorm.overridden(layer)}
        if own and self.precise_batchnorm:
            self._note(
                f"{', '.join(sorted(own))} kept Keras' moving averages, since it overrides the "
                "computation"
            )
        if averaged and layers and (own or not self.precise_batchnorm):
            self._note(
                "averaged weights were validated and kept with moving averages of "
                "BatchNormalization's statistics, which come from the weights before averaging"
            )
        if not self.precise_batchnorm:
            return []
        return [layer for layer in layers if not precise_batchnorm.overridden(layer)]

    def _note(self, note: str) -> None:
        if note not in self.result.notes:
            self.result.notes.append(note)

    def _note_rest_of_schedule(self, train: TrainSpec, steps: Steps, epochs: int) -> None:
        if train.schedule == "cosine":
            self._note(
                f"the cosine schedule is planned for {train.epochs} epochs; it stopped early, "
                f"after {epochs}, at a learning rate of {float(steps.optimizer.learning_rate):.3g}"
            )

    def _compile(self, train: TrainSpec, source: Source, precise: Sequence[Any]) -> Steps:
        factors = rate_factors(self.body, train.layer_decay)
        if train.layer_decay != 1 and not any(layer.trainable_weights for layer in self.body):
            self._note("layer_decay had no effect: no layer with weights is unfrozen")
        return compile_steps(
            source.model,
            train,
            source.dtypes,
            self.micro_batch,
            augmented=self.inputs.augmented and not source.stored,
            soft_labels=self.inputs.soft_labels,
            precise=precise,
            updates_per_epoch=math.ceil(len(self.splits.train_labels) / train.batch_size),
            factors=factors,
        )

    def _restore(self, steps: Steps) -> list[np.ndarray] | None:
        """Restore the optimizer from the checkpoint, and return the best weights, if any."""
        if self.saved is None:
            return None
        _assign(steps.optimizer.variables, self.saved.variables["optimizer"])
        if not self.result.best_epoch:
            return None
        return list(self.saved.variables["best"]) or _copied(self.model.weights)

    def _save(
        self, epoch: int, steps: Steps, best_weights: list[np.ndarray] | None, *, averaged: bool
    ) -> None:
        if self.checkpoints is None or not self.checkpoints.due:
            return
        self.result.seconds = self.seconds()
        # If this epoch is the best, the best weights are the model's own, unless averages are kept.
        apart = averaged or self.result.best_epoch != epoch
        best = best_weights if best_weights and apart else []
        variables = {
            # A model's variables include the states of dropout's generators; its weights do not.
            "model": _copied(self.model.variables),
            "optimizer": _copied(steps.optimizer.variables),
            "best": best,
        }
        self.checkpoints.save(epoch, Snapshot(asdict(self.result), variables))

    def _train(self, epoch: int, source: Source, steps: Steps) -> dict[str, float]:
        batches = self.inputs.batches(epoch, source)

        def report(seen: int) -> None:
            images = len(self.splits.train_labels)
            self.emit(StepDone(epoch, self.all_epochs, seen, images))

        row = {"epoch": epoch, **_train_epoch(steps.train, batches, report)}
        self.result.waited_seconds += batches.wait_seconds
        self.result.worked_seconds += row["train_seconds"]
        return row

    def _validate(
        self,
        epoch: int,
        train_loss: float,
        train: TrainSpec,
        source: Source,
        steps: Steps,
        logits_of: Logits,
    ) -> dict[str, float]:
        began = time.perf_counter()
        if steps.statistics is not None:
            inputs = source.of(self.inputs.sample)
            steps.statistics.update(inputs, self.inputs.sample_rows, self.at_once)
        loss, accuracy = cross_entropy_and_accuracy(
            logits_of(self.splits.validation_images), self.splits.validation_labels
        )
        if not (np.isfinite(train_loss) and np.isfinite(loss)):
            raise NotFinite(
                f"the loss is not a number in epoch {epoch}: the learning rate "
                f"{number(train.learning_rate)} may be too high for this network"
            )
        return {
            "validation_loss": loss,
            "validation_accuracy": accuracy,
            "validation_seconds": time.perf_counter() - began,
        }


def _copied(variables: Iterable[Any]) -> list[np.ndarray]:
    return [np.asarray(variable) for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _train_epoch(
    step: Callable[[Any, Any], tuple[Any, Any]], batches: Batches, report: Callable[[int], None]
) -> dict[str, float]:
    """One pass over the batches; `report` is called regularly with the number of images seen."""
    began = reported = time.perf_counter()
    after_first, first_images, seen = began, 0, 0
    results = []
    for images, labels in batches:
        loss, right = step(images, labels)
        results.append((loss, right, len(labels)))
        seen += len(labels)
        if first_images == 0:
            float(loss)  # waits for the device, so that the whole first step is timed
            after_first, first_images = time.perf_counter(), seen
        if (now := time.perf_counter()) - reported >= MIN_INTERVAL_SECONDS:
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

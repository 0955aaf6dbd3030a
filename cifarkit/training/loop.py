"""The training loop: epochs of compiled steps, early stopping, keeping the best weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import numpy as np

from cifarkit.datasets.augmentation import Augmented, Change, make_augment
from cifarkit.datasets.dataset import Images, Splits
from cifarkit.datasets.loader import Batches
from cifarkit.execution.events import Emit, EpochEnded, PhaseChanged, StepDone
from cifarkit.profiling.environment import arithmetic
from cifarkit.specs import RANDOM_LEARNING_RATE, TrainSpec
from cifarkit.training import precise_batchnorm
from cifarkit.training.checkpoint import Checkpoints, Snapshot
from cifarkit.training.feature_cache import Source, source
from cifarkit.training.model_builder import BuiltModel, all_frozen
from cifarkit.training.step import Steps, compile_predict, compile_steps, predict

EVENT_INTERVAL_SECONDS = 0.5


@dataclass
class Fit:
    """The result of a fit.

    Attributes:
        history: One row per epoch (see `store.records.TrialRecord.history`).
        best_epoch: The epoch, from 1, whose weights the model holds now.
        best_loss: The validation loss of that epoch, in nats.
        first_step_seconds: Tracing, optimizing and running the first step.
        seconds: The whole fit, including the parts of earlier attempts that it continues.
        worked_seconds, waited_seconds: Time in training steps, and the part waiting for batches.
        resumed_after: The epochs after which an earlier attempt had ended.
        ran_on: The distinct environments of the attempts, as far as they affect rounding.
        prefix_seconds: Running the frozen layers once per image, or reading back what they gave.
        prefix_made_seconds, prefix_entries: See `feature_cache.Source`.
        notes: Remarks for readers of the result.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")
    stopped_early: bool = False
    first_step_seconds: float = 0.0
    seconds: float = 0.0
    worked_seconds: float = 0.0
    waited_seconds: float = 0.0
    resumed_after: list[int] = field(default_factory=list)
    ran_on: list[str] = field(default_factory=list)
    prefix_seconds: float = 0.0
    prefix_made_seconds: float = 0.0
    prefix_entries: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def seconds_uncached(self) -> float:
        """`seconds` as if this fit had computed all outputs of the frozen layers itself."""
        return self.seconds - self.prefix_made_seconds + sum(self.prefix_entries.values())

    @property
    def input_wait_share(self) -> float:
        return self.waited_seconds / self.worked_seconds if self.worked_seconds else 0.0

    def median(self, column: str) -> float:
        return float(median(row[column] for row in self.history))


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
) -> tuple[Fit, Logits]:
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
    run = _Run(built, splits, train, emit, on_epoch, checkpoints, micro_batch)
    head = train.head_epochs
    if len(run.done.history) < head:
        head_only = train.model_copy(
            update={"learning_rate": RANDOM_LEARNING_RATE, "warmup_epochs": 0}
        )
        with all_frozen(built.backbone):
            run.phase(head_only, after=0, last=head, patience=None)
    logits_of = run.phase(train, after=head, last=head + train.epochs, patience=train.patience)
    run.done.seconds = run.seconds()
    return run.done, logits_of


class _Run:
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
        self.model, self.splits = built.model, splits
        self.emit, self.on_epoch = emit, on_epoch
        self.checkpoints, self.micro_batch = checkpoints, micro_batch
        self.began = time.perf_counter()
        self.amounts = train.augmentation.amounts() if train.augmentation else {}
        self.augment = make_augment(**self.amounts) if train.augmentation else None
        self.all_epochs = train.head_epochs + train.epochs
        self.views = self._views(train)
        self.precise_batchnorm = built.precise_batchnorm
        self.sampled, self.sampled_rows = self._sample()
        self.saved = checkpoints.load() if checkpoints else None
        self.done = Fit(**self.saved.progress) if self.saved else Fit()
        if (here := arithmetic()) not in self.done.ran_on:
            self.done.ran_on.append(here)
        self.before = self.done.seconds
        self.resumed_at = len(self.done.history)
        if self.saved:
            self.done.resumed_after.append(self.resumed_at)
            _assign(self.model.variables, self.saved.variables["model"])

    def seconds(self) -> float:
        """Seconds of the whole fit so far."""
        return self.before + time.perf_counter() - self.began

    def phase(self, train: TrainSpec, *, after: int, last: int, patience: int | None) -> Logits:
        """Train the currently unfrozen layers in the epochs `after` + 1 to `last`.

        Without patience it ends with the last epoch's weights, else with the best one's.
        """
        parts = [*self.views, self.splits.validation_images]
        if patience is not None:
            parts.append(self.splits.test_images)
        precise = self._precise_layers()
        if precise and self.sampled is not self.views[0]:
            parts.append(self.sampled)
        taken = source(self.model, parts, train, epochs=last - after, emit=self.emit)
        self.done.prefix_seconds += taken.seconds
        self.done.prefix_made_seconds += taken.made_seconds
        self.done.prefix_entries.update(taken.entries)
        if taken.note and taken.note not in self.done.notes:
            self.done.notes.append(taken.note)
        self.emit(PhaseChanged("compile"))
        began = time.perf_counter()
        augmented = self.augment is not None and not taken.stored
        steps = compile_steps(
            taken.model,
            train,
            taken.dtypes,
            self.micro_batch,
            augmented=augmented,
            precise=precise,
            warmup_steps=train.warmup_epochs
            * math.ceil(len(self.splits.train_labels) / train.batch_size),
        )
        whole = compile_predict(self.model)
        traced_seconds = time.perf_counter() - began
        best_weights: list[np.ndarray] | None = None
        if self.saved and after < self.resumed_at:
            _assign(steps.optimizer.variables, self.saved.variables["optimizer"])
            if self.done.best_epoch:
                best_weights = list(self.saved.variables["best"]) or _copied(self.model.weights)
        self.saved = None  # frees arrays as large as the model

        def logits_of(images: Images) -> np.ndarray:
            at_once = self.micro_batch or train.batch_size
            if taken.has(images):
                return predict(steps.predict, taken.of(images), at_once)
            return predict(whole, images, at_once)

        for epoch in range(len(self.done.history) + 1, last + 1):
            if best_weights and patience and epoch - self.done.best_epoch > patience:
                self.done.stopped_early = True
                break
            row = self._epoch(epoch, train, taken, steps, logits_of)
            if epoch == 1:
                self.done.first_step_seconds = traced_seconds + row["first_step_seconds"]
            del row["first_step_seconds"]
            self.done.history.append(row)
            if patience is not None and row["validation_loss"] < self.done.best_loss:
                self.done.best_loss, self.done.best_epoch = row["validation_loss"], epoch
                best_weights = _copied(self.model.weights)
            self.on_epoch(self.done.history)
            self._save(epoch, steps, best_weights)
            figures = {name: value for name, value in row.items() if name != "epoch"}
            self.emit(EpochEnded(epoch, self.all_epochs, **figures))
        if best_weights is not None:
            self.model.set_weights(best_weights)
        return logits_of

    def _save(self, epoch: int, steps: Steps, best_weights: list[np.ndarray] | None) -> None:
        if self.checkpoints is None or not self.checkpoints.due:
            return
        self.done.seconds = self.seconds()
        # If this epoch is the best, the best weights are the model's own.
        best = best_weights if best_weights and self.done.best_epoch != epoch else []
        variables = {
            # A model's variables include the states of dropout's generators; its weights do not.
            "model": _copied(self.model.variables),
            "optimizer": _copied(steps.optimizer.variables),
            "best": best,
        }
        self.checkpoints.save(epoch, Snapshot(asdict(self.done), variables))

    def _views(self, train: TrainSpec) -> list[Images | Augmented]:
        """The training images in each of their views, if those are few."""
        images, augmentation = self.splits.train_images, train.augmentation
        views = augmentation.augment_views if augmentation else None
        if views is None or views >= self.all_epochs:
            return [images]
        return [
            Augmented(images, change, self.amounts)
            for view in range(1, views + 1)
            if (change := self._change(train, view))
        ]

    def _sample(self) -> tuple[Images, np.ndarray]:
        """Unaugmented training images, and their rows used for BatchNormalization's statistics."""
        images = self.splits.train_images
        rows = precise_batchnorm.sample(len(images))
        if self.views[0] is images:
            return images, rows
        # The frozen layers only run on augmented views; also run them on these few images.
        return images[rows], np.arange(len(rows))

    def _precise_layers(self) -> list[Any]:
        """The BatchNormalization layers whose statistics are recomputed."""
        if not self.precise_batchnorm:
            return []
        layers = precise_batchnorm.normalizations(self.model)
        if own := sorted(
            {type(layer).__name__ for layer in layers if precise_batchnorm.overridden(layer)}
        ):
            note = f"{', '.join(own)} kept Keras' moving averages, since it computes its own way"
            if note not in self.done.notes:
                self.done.notes.append(note)
        return [layer for layer in layers if not precise_batchnorm.overridden(layer)]

    def _change(self, train: TrainSpec, epoch: int) -> Change | None:
        """The augmentation of the training images in an epoch."""
        if self.augment is None or train.augmentation is None:
            return None
        views = train.augmentation.augment_views
        view = epoch if views is None else (epoch - 1) % views + 1
        return Change.of_view(self.augment, train.seed, view, len(self.splits.train_labels))

    def _epoch(
        self, epoch: int, train: TrainSpec, taken: Source, steps: Steps, logits_of: Logits
    ) -> dict[str, float]:
        view = self.views[(epoch - 1) % len(self.views)]
        batches = Batches(
            taken.of(view) if taken.stored else self.splits.train_images,
            self.splits.train_labels,
            batch_size=train.batch_size,
            seed=train.seed,
            epoch=epoch,
            change=None if taken.stored else self._change(train, epoch),
        )

        def report(seen: int) -> None:
            images = len(self.splits.train_labels)
            self.emit(StepDone(epoch, self.all_epochs, seen, images))

        row = {"epoch": epoch, **_train_epoch(steps.train, batches, report)}
        self.done.waited_seconds += batches.wait_seconds
        self.done.worked_seconds += row["train_seconds"]
        began = time.perf_counter()
        if steps.statistics is not None:
            steps.statistics.update(
                taken.of(self.sampled), self.sampled_rows, self.micro_batch or train.batch_size
            )
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

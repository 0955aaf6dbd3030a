"""Records of a store's trials: their states and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import AwareDatetime, Base64Bytes, Field

from cifarkit.profiling.measurements import Environment, InferenceTime, Memory, Parameters, Time
from cifarkit.specs import TrialSpec
from cifarkit.store.fields import SCHEMA_VERSION, Count, Share, StoredRecord, Texts, Version

Artifact = Literal["result.json", "history.csv", "predictions.npz", "model.weights.h5"]
ARTIFACTS: tuple[Artifact, ...] = get_args(Artifact)
"""The files of a complete trial; the last one is optional."""


class Status(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    OOM = "oom"
    TIMEOUT = "timeout"

    @property
    def ended_badly(self) -> bool:
        return self in (Status.FAILED, Status.OOM, Status.TIMEOUT)


class State(StoredRecord):
    """`state.json`: the current state of a trial.

    Attributes:
        status: See `Status`.
        attempts: How many times it was started.
        reason: One line, why it did not complete; empty otherwise.
        log_tail: The last lines of its log, if it did not complete.
        peak_rss_mb: The highest resident memory seen of an attempt that did not complete.
        micro_batch: The micro-batch size of the next attempt, after a larger one ran out of memory;
            None for whole batches.
        pid, host: The process that runs it.
        place: The device or node that its launcher chose; empty if there was no choice.
        moves: Why it went on elsewhere: the places that failed, one line each.
        started_at, ended_at: UTC.
        checksums: SHA-256 of a complete trial's files by name; empty in early records.
    """

    schema_version: Version = SCHEMA_VERSION
    status: Status = Status.PENDING
    attempts: Count = 0
    reason: str = ""
    log_tail: str = ""
    peak_rss_mb: float | None = None
    micro_batch: Count | None = None
    pid: Count | None = None
    host: str | None = None
    place: str = ""
    moves: Texts = ()
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    checksums: dict[Artifact, str] = Field(default={})


class Accuracy(StoredRecord):
    """Scores of the kept weights (those of the epoch with the lowest validation loss).

    Accuracies are fractions, 0..1; losses are mean cross-entropies in nats.

    Attributes:
        train: The running mean over the kept epoch's batches, with dropout and augmentation, while
            the weights changed. The learning curves show it. Of mixed images, the class of the
            larger share counts as right.
        train_kept: That of the kept weights on all training images, without either.
    """

    train: Share
    train_kept: Share | None = None
    validation: Share
    test: Share
    test_top5: Share
    validation_loss: float
    test_loss: float


class Hits(StoredRecord):
    """Which test images were predicted correctly, for comparisons of trials.

    Attributes:
        images: The number of test images.
        right: A bit per image, 1 if correct, eight to a byte, most significant first; in base64.
        labels_sha256: The hash of the true labels; trials with different ones cannot be compared.
    """

    images: Count
    right: Base64Bytes
    labels_sha256: str


class Duplicates(StoredRecord):
    """Images with equal pixels, as given to the network.

    Attributes:
        test_images: Test images that are training or validation images too.
        validation_images: Validation images that are training images too.
        two_labels: Different images that occur with more than one label.
        accuracy_without: Test accuracy without these test images; None if there are no others.
    """

    test_images: Count
    validation_images: Count
    two_labels: Count
    accuracy_without: Share | None


class Course(StoredRecord):
    """A summary of the training history for `store.training_checks`.

    Attributes:
        first_loss, lowest_loss, last_loss: Mean training loss of the first, the best and the last
            epoch.
        highest_accuracy: The best epoch's running mean on training images.
        chance: The share of the commonest class among the validation images.
    """

    first_loss: float
    lowest_loss: float
    last_loss: float
    highest_accuracy: Share
    chance: Share


class Result(StoredRecord):
    """`result.json`: the measurements of a complete trial.

    Fields with a default are missing from records of earlier versions.

    Attributes:
        epochs_run: Epochs trained; at most the spec's.
        best_epoch: The epoch, from 1, whose weights were kept and scored.
        stopped_early: Whether patience ended the training.
        train_images, validation_images, test_images: How many images each split held.
        class_names: The classes by label, 0..n-1.
        class_groups: The superclass of each class; empty where the data has none.
        requested_batch_size, used_batch_size: Images per update, and images that were in memory at
            once; equal unless `--oom-backoff` made them differ (`notes` says so).
        flops_per_image: Floating-point operations (two per multiply-add) of the convolutions and
            dense layers in one forward pass.
        notes: What a reader of this trial's row must know.
        hits: See `Hits`.
        duplicates: See `Duplicates`.
        course: See `Course`.
        loaded_share: The share of the backbone's weight tensors that loading weights changed; None
            if it started from random weights.
        loaded_file: The name of the file of published weights (in Keras' cache, or in a package)
            that it started from; empty for other weights, or if it is not known.
        loaded_sha256: The SHA-256 of the file that it started from, 64 hexadecimal digits:
            published weights, the user's, or those kept of another trial. Empty if it started from
            random weights, or if the file is not known.
        backbone_files: The SHA-256 of each other file that the network was built from, by its name
            (the configuration of a KerasHub preset and of its image converter).
        backbone_package: Name and version of the package of a plug-in's network; empty for
            built-in ones.
        dataset_package: The same for a plug-in's data set.
        graph_sha256: The hash of its graph (see `training.graph_hash`); empty if unknown.
        native_size: (height, width) in pixels of the images before the model resizes them; None in
            earlier results.
        own_validation: Whether the data came with its validation part, so that none was drawn from
            the training images.
    """

    schema_version: Version = SCHEMA_VERSION
    accuracy: Accuracy
    parameters: Parameters
    memory: Memory
    time: Time
    environment: Environment
    flops_per_image: Count
    epochs_run: Count
    best_epoch: Count
    stopped_early: bool
    train_images: Count
    validation_images: Count
    test_images: Count
    class_names: Texts
    class_groups: Texts = ()
    requested_batch_size: Count
    used_batch_size: Count
    notes: Texts = ()
    hits: Hits | None = None
    course: Course | None = None
    loaded_share: Share | None = None
    loaded_file: str = ""
    loaded_sha256: str = ""
    backbone_files: Mapping[str, str] = {}
    backbone_package: str = ""
    dataset_package: str = ""
    graph_sha256: str = ""
    duplicates: Duplicates | None = None
    own_validation: bool = False
    native_size: tuple[Count, Count] | None = None


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the store holds it, read once and never changed.

    Attributes:
        history: One dict per epoch, in order: `epoch` (from 1), `loss`, `accuracy`,
            `validation_loss`, `validation_accuracy`, `train_seconds`, `validation_seconds`,
            `images_per_second`. `validation_seconds` includes recomputing the statistics of
            BatchNormalization. Empty unless the whole trial was read.
        inference: What `cifarkit bench` measured of it; as `store.trials` reads it.
        folder: Where its files lie; `predictions.npz` there holds `labels` (n,) int32,
            `predictions` (n,) int32 and `probabilities` (n, outputs) float16 of the test images.
    """

    trial_id: str
    spec: TrialSpec
    state: State
    result: Result | None
    folder: Path
    history: tuple[dict[str, Any], ...] = field(default=())
    inference: tuple[InferenceTime, ...] = field(default=())

    @cached_property
    def complete(self) -> bool:
        return self.state.status is Status.COMPLETE and self.result is not None

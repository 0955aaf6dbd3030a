"""What is kept of a trial: its state while live, its result, and the frozen record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from cifarkit.profiling.measurements import Environment, Memory, Parameters, Time
from cifarkit.specs import TrialSpec

SCHEMA_VERSION = 1


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


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class State(_Stored):
    """`state.json`: where a trial stands.

    Attributes:
        status: See `Status`.
        attempts: How many times it was started.
        reason: One line, why it did not complete; empty otherwise.
        log_tail: The last lines of its log, where it did not complete.
        peak_rss_mb: The highest resident memory seen of an attempt that did not complete.
        micro_batch: In what parts a batch is tried next, since a larger one did not fit in memory;
            None for whole batches.
        pid, host: Of the process that runs it.
        started_at, ended_at: UTC.
    """

    schema_version: int = SCHEMA_VERSION
    status: Status = Status.PENDING
    attempts: int = 0
    reason: str = ""
    log_tail: str = ""
    peak_rss_mb: float | None = None
    micro_batch: int | None = None
    pid: int | None = None
    host: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Arm(_Stored):
    """One row of a study: a setting, and the trials that measure it.

    Attributes:
        label: What the row is called (a model's name, a value of the axis).
        settings: The flat settings that set this arm apart from the others, by name.
        trials: Trial ids, one per seed, in the order of the seeds; empty if not possible.
        impossible: Why no trial of this arm can exist ("inceptionv3 takes 75 pixels or more").
    """

    label: str
    settings: dict[str, Any]
    trials: tuple[str, ...] = ()
    impossible: str = ""


class Choice(_Stored):
    """What a study decided, on validation images alone.

    Attributes:
        arm: The label of the arm that was chosen.
        settings: Its settings, which the next studies build on.
        reason: Why, in a sentence.
    """

    arm: str
    settings: dict[str, Any]
    reason: str


class StudyRecord(_Stored):
    """`studies/<name>.json`: the trials of a study along its axes.

    Attributes:
        name: Of its file: letters, digits, dashes.
        kind: `zoo`, `resize`, `finetune`, `sweep`, or `single` for one training with no axis.
        title: For documents.
        axes: The settings that vary, by flat name; `("model",)` for a zoo.
        command: The command line that made it.
        choice: What was decided, if anything was.
        part_of, whole_title, step: The whole that it is a step of, and which one, from 1; 0 if of
            none.
    """

    schema_version: int = SCHEMA_VERSION
    name: str
    kind: str
    title: str
    axes: tuple[str, ...]
    arms: tuple[Arm, ...]
    created_at: datetime
    command: str = ""
    choice: Choice | None = None
    part_of: str = ""
    whole_title: str = ""
    step: int = 0


class Accuracy(_Stored):
    """Scores of the kept weights (those of the epoch with the lowest validation loss).

    Accuracies are fractions, 0..1; losses are mean cross-entropies in nats.
    """

    train: float
    validation: float
    test: float
    test_top5: float
    validation_loss: float
    test_loss: float


class Result(_Stored):
    """`result.json`: all that a finished trial measured.

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
    """

    schema_version: int = SCHEMA_VERSION
    accuracy: Accuracy
    parameters: Parameters
    memory: Memory
    time: Time
    environment: Environment
    flops_per_image: int
    epochs_run: int
    best_epoch: int
    stopped_early: bool
    train_images: int
    validation_images: int
    test_images: int
    class_names: tuple[str, ...]
    class_groups: tuple[str, ...] = ()
    requested_batch_size: int
    used_batch_size: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the store holds it, read once and never changed.

    Attributes:
        history: One dict per epoch, in order: `epoch` (from 1), `loss`, `accuracy`,
            `validation_loss`, `validation_accuracy`, `train_seconds`, `validation_seconds`,
            `images_per_second`.
        folder: Where its files lie; `predictions.npz` there holds `labels` (n,) int32,
            `predictions` (n,) int32 and `probabilities` (n, outputs) float16 of the test images.
    """

    trial_id: str
    spec: TrialSpec
    state: State
    result: Result | None
    folder: Path
    history: tuple[dict[str, Any], ...] = field(default=())

    @property
    def complete(self) -> bool:
        return self.state.status is Status.COMPLETE and self.result is not None

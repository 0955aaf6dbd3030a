"""Made-up studies, for `check_figure` and for your own tests of a figure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from cifarkit.profiling.measurements import Environment, Memory, Parameters, Time
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import Accuracy, Result, State, Status, TrialRecord
from cifarkit.store.study_records import Arm, StudyRecord
from cifarkit.studies.completion import trial_spec

AXES: Mapping[str, tuple[Any, ...]] = {
    "model": ("mobilenetv2", "densenet121", "resnet50"),
    "image_size": (48, 64),
    "unfreeze": (0.0, 0.2, 1.0),
    "batch_size": (16, 32, 64),
    "learning_rate": (1e-4, 1e-3, 1e-2),
    "optimizer": ("adam", "sgd"),
}
"""The settings that `study_view` can vary, with their values."""


def study_view(*axes: str, seeds: int = 2, finished: bool = True) -> StudyView:
    """A study of made-up results along some axes, as a report sees it; no files belong to it.

    Its last arm failed, unless it is the only one.

    Args:
        axes: Keys of `AXES`; none for a single training.
        seeds: Trials per arm.
        finished: False for a study of which no trial has started.
    """
    arms, records = [], {}
    grid = list(product(*(AXES[axis] for axis in axes)))
    for number, values in enumerate(grid):
        settings = dict(zip(axes, values, strict=True))
        trials = []
        for seed in range(seeds):
            spec = trial_spec(
                **{"dataset": "synthetic", "classes": 4, "model": "mobilenetv2", "weights": "none"}
                | settings,
                seed=seed,
            )
            trials.append(spec.trial_id)
            failed = 0 < number == len(grid) - 1
            accuracy = 0.5 + 0.04 * number + 0.01 * seed
            records[spec.trial_id] = TrialRecord(
                spec.trial_id,
                spec,
                State(status=Status.FAILED if failed else Status.COMPLETE, reason="made up"),
                None if failed else result(accuracy=accuracy, fit_seconds=100.0 + 40 * number),
                Path(spec.trial_id),
                tuple(history(accuracy, epochs=2 if failed else 10)),
            )
        label = " ".join(str(value) for value in values) or "made up"
        arms.append(Arm(label=label, settings=settings, trials=tuple(trials)))
    study = StudyRecord(
        name="made-up", kind="sweep" if axes else "single", title="Made up", axes=axes,
        arms=tuple(arms), created_at=datetime(2026, 3, 14, tzinfo=UTC),
    )  # fmt: skip
    return StudyView(study, records if finished else {})


def result(*, accuracy: float = 0.7, fit_seconds: float = 100.0, **changes: Any) -> Result:
    """A result of made-up numbers; `changes` replace fields of the record."""
    fields: dict[str, Any] = {
        "accuracy": Accuracy(
            train=min(1.0, accuracy + 0.15), validation=accuracy + 0.005, test=accuracy,
            test_top5=min(1.0, accuracy + 0.2), validation_loss=1.5 - accuracy,
            test_loss=1.55 - accuracy,
        ),
        "parameters": Parameters(
            total=128_420, trainable=128_420, non_trainable=0, backbone_layers=100, frozen_layers=0
        ),
        "memory": Memory(
            estimated_mb=25.6, estimated_with_input_mb=25.6, peak_rss_mb=2304.0,
            baseline_rss_mb=700.0,
        ),
        "time": Time(
            import_seconds=5.0, data_seconds=1.0, build_seconds=2.0, first_step_seconds=12.3456,
            images_per_second=360_000 / fit_seconds, epoch_seconds=fit_seconds / 11,
            fit_seconds=fit_seconds, evaluate_seconds=3.0, input_wait_share=0.031,
            trial_seconds=fit_seconds + 20,
        ),
        "environment": ENVIRONMENT,
        "flops_per_image": 3_210_500,
        "epochs_run": 10,
        "best_epoch": 7,
        "stopped_early": False,
        "train_images": 36_000,
        "validation_images": 4_000,
        "test_images": 8_000,
        "class_names": ("a", "b", "c", "d"),
        "requested_batch_size": 128,
        "used_batch_size": 128,
    }  # fmt: skip
    return Result(**(fields | changes))


ENVIRONMENT = Environment(
    cpu="AMD EPYC 9R14", cpu_cores=2, memory_gb=15.6, gpu=None, platform="Linux-6.1-x86_64",
    python="3.11.9", tensorflow="2.21.0", keras="3.15.1", cifarkit="0.1.0",
    commit="0123456789abcdef", precision="float32", xla=False,
)  # fmt: skip


def history(accuracy: float = 0.7, epochs: int = 10) -> list[dict[str, Any]]:
    """Made-up epochs that approach an accuracy."""
    rows = []
    for epoch in range(1, epochs + 1):
        share = 1 - 0.6**epoch
        rows.append(
            {
                "epoch": epoch,
                "loss": 3.5 - 3 * share,
                "accuracy": (accuracy + 0.15) * share,
                "validation_loss": 3.6 - 2.5 * share + 0.01 * epoch,
                "validation_accuracy": accuracy * share,
                "train_seconds": 9.0,
                "validation_seconds": 1.0,
                "images_per_second": 4000.0,
            }
        )
    return rows

"""Puts together the result of a trial from what its steps measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import Splits
from cifarkit.models import registry as backbone_registry
from cifarkit.profiling.environment import environment
from cifarkit.profiling.flops import flops_per_image
from cifarkit.profiling.measurements import Memory, Parameters, Time
from cifarkit.profiling.parameters import count
from cifarkit.specs import TrainSpec, TrialSpec
from cifarkit.store.records import Result
from cifarkit.store.training_checks import summarize
from cifarkit.training.checkpoint import ResourceUsage
from cifarkit.training.fit_result import FitResult
from cifarkit.training.model_builder import BuiltModel
from cifarkit.training.step import uses_xla
from cifarkit.training.trial_notes import (
    block_notes,
    duplicate_notes,
    fit_notes,
    flops_notes,
    loading_notes,
    process_notes,
)
from cifarkit.training.trial_scores import Scores


def make_result(
    spec: TrialSpec,
    splits: Splits,
    built: BuiltModel,
    fitted: FitResult,
    scores: Scores,
    *,
    usage: ResourceUsage,
    baseline_rss_mb: float,
    phase_seconds: Mapping[str, float],
    micro_batch: int | None,
) -> Result:
    """The result of a trial.

    Args:
        usage: Of all attempts.
        baseline_rss_mb: Resident memory after the imports.
        phase_seconds: `import_seconds`, `data_seconds`, `build_seconds` and `evaluate_seconds`.
    """
    batch_size = spec.train.batch_size
    height, width = splits.train_images.shape[1:3]
    return Result(
        accuracy=scores.accuracy,
        parameters=_parameters(built),
        memory=_memory(built, spec.train, usage, baseline_rss_mb),
        time=_time(fitted, usage, phase_seconds),
        environment=environment(precision=spec.train.precision, xla=uses_xla()),
        flops_per_image=flops_per_image(built.backbone),
        epochs_run=len(fitted.history),
        best_epoch=fitted.best_epoch,
        stopped_early=fitted.stopped_early,
        train_images=len(splits.train_labels),
        validation_images=len(splits.validation_labels),
        test_images=len(splits.test_labels),
        class_names=splits.class_names,
        class_groups=splits.class_groups,
        requested_batch_size=batch_size,
        used_batch_size=micro_batch or batch_size,
        notes=(
            *splits.notes,
            *duplicate_notes(scores.duplicates, splits, scores.accuracy.test),
            *loading_notes(spec, built),
            *block_notes(spec, built),
            *flops_notes(built.backbone),
            *fit_notes(fitted, batch_size, micro_batch),
            *process_notes(),
        ),
        course=summarize(fitted.history, _majority_share(splits.validation_labels)),
        hits=scores.hits,
        loaded_share=built.loaded_share,
        loaded_file=built.loaded_file,
        loaded_sha256=built.loaded_sha256,
        backbone_files=built.backbone_files,
        backbone_package=backbone_registry.package_of(spec.model.model),
        dataset_package=dataset_registry.package_of(spec.data.dataset),
        graph_sha256=built.graph_sha256,
        duplicates=scores.duplicates,
        own_validation=splits.own_validation,
        native_size=(height, width),
    )


def _parameters(built: BuiltModel) -> Parameters:
    return Parameters(
        **count(built.model)._asdict(),
        backbone_layers=len(built.backbone.layers),
        frozen_layers=built.frozen_layers,
    )


def _memory(
    built: BuiltModel, train: TrainSpec, usage: ResourceUsage, baseline_rss_mb: float
) -> Memory:
    batch_size, averaged = train.batch_size, train.ema > 0
    return Memory(
        estimated_mb=built.estimated_mb(batch_size, averaged=averaged),
        estimated_with_input_mb=built.estimated_mb(batch_size, with_input=True, averaged=averaged),
        peak_rss_mb=usage.peak_rss_mb,
        baseline_rss_mb=baseline_rss_mb,
        device_peak_mb=usage.device_peak_mb,
    )


def _time(fitted: FitResult, usage: ResourceUsage, phase_seconds: Mapping[str, float]) -> Time:
    return Time(
        first_step_seconds=fitted.first_step_seconds,
        images_per_second=fitted.median("images_per_second"),
        epoch_seconds=fitted.median("train_seconds"),
        fit_seconds=fitted.seconds,
        fit_seconds_uncached=fitted.seconds_uncached,
        frozen_prefix_seconds=fitted.prefix_seconds,
        input_wait_share=fitted.input_wait_share,
        trial_seconds=usage.seconds,
        **phase_seconds,
    )


def _majority_share(labels: np.ndarray) -> float:
    """The accuracy of always guessing the most frequent label."""
    return float(np.bincount(labels).max() / len(labels))

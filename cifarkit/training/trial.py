"""Runs one trial, from its data to its result."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from cifarkit import __version__
from cifarkit.atomic_write import write_atomically
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import Splits, load, select_classes, split
from cifarkit.datasets.duplicates import find_repeated
from cifarkit.errors import InvalidInput
from cifarkit.execution.events import Emit, PhaseChanged
from cifarkit.models.registry import package_of
from cifarkit.profiling.memory import device_peak_mb, peak_rss_mb, rss_mb
from cifarkit.specs import TrialSpec
from cifarkit.store.correctness_bits import packed
from cifarkit.store.records import Duplicates
from cifarkit.store.store import KEPT_WEIGHTS
from cifarkit.training.keras_compat import import_keras
from cifarkit.training.loop import cross_entropy_and_accuracy, fit
from cifarkit.training.trial_notes import duplicate_notes, fit_notes, loading_notes, process_notes


def splits_of(spec: TrialSpec) -> Splits:
    """The training, validation and test images of a trial.

    Raises:
        InvalidInput: They cannot be read, or differ from those that the trial was planned with.
    """
    data = spec.data
    loaded = load(data.dataset, data.location, image_size=spec.model.image_size)
    if loaded.fingerprint != data.fingerprint:
        raise InvalidInput(
            f"the images in {data.location or data.dataset} are no longer those that this trial "
            f"was planned with ({loaded.fingerprint}, planned {data.fingerprint}); the same "
            "command plans anew"
        )
    return split(
        select_classes(
            loaded,
            data.classes,
            data.class_seed,
            data.class_names,
        ),
        train_per_class=data.train_per_class,
        train_at_most=data.train_at_most,
        validation_fraction=data.validation_fraction,
        data_seed=data.data_seed,
    )


def run_trial_and_keep_weights(folder: Path, emit: Emit, *, micro_batch: int | None = None) -> None:
    """Like `run_trial`, and save the scored weights of the model."""
    run_trial(folder, emit, micro_batch=micro_batch, keep_weights=True)


def run_trial(
    folder: Path, emit: Emit, *, micro_batch: int | None = None, keep_weights: bool = False
) -> None:
    """Run the trial whose `spec.json` is in `folder`, and write its results there.

    Args:
        folder: The trial's folder in a store.
        emit: Called with an event as the trial proceeds.
        micro_batch: The most images in memory at once, if a batch does not fit.
    """
    started = psutil.Process().create_time()
    emit(PhaseChanged("import"))
    import_began = time.perf_counter()
    import_keras()
    import_seconds = time.perf_counter() - import_began
    import keras

    from cifarkit.profiling.environment import environment
    from cifarkit.profiling.flops import flops_per_image
    from cifarkit.profiling.measurements import Memory, Parameters, Time
    from cifarkit.profiling.parameters import count
    from cifarkit.store.records import Accuracy, Result
    from cifarkit.store.store import write_history, write_result
    from cifarkit.store.training_checks import course
    from cifarkit.training.checkpoint import Checkpoints, ResourceUsage
    from cifarkit.training.model_builder import build, precision
    from cifarkit.training.step import uses_xla

    spec = TrialSpec.model_validate_json((folder / "spec.json").read_bytes())
    baseline_rss_mb = rss_mb()

    emit(PhaseChanged("data"))
    clock = _Clock()
    splits = splits_of(spec)
    data_seconds = clock.lap()

    emit(PhaseChanged("build"))
    keras.utils.set_random_seed(spec.train.seed)
    height, width = splits.train_images.shape[1:3]
    with precision(spec.train.precision):
        built = build(spec.model, (height, width), trials=folder.parent)
    build_seconds = clock.lap()

    def spent() -> ResourceUsage:
        return ResourceUsage(time.time() - started, peak_rss_mb(), device_peak_mb())

    checkpoints = Checkpoints(folder, _maker(spec, micro_batch), spent)

    done, logits_of = fit(
        built,
        splits,
        spec.train,
        emit=emit,
        on_epoch=lambda rows: write_history(folder, rows),
        checkpoints=checkpoints,
        micro_batch=micro_batch,
    )
    clock.lap()

    emit(PhaseChanged("evaluate"))
    test_logits = logits_of(splits.test_images)
    evaluate_seconds = clock.lap()
    test_loss, test_accuracy = cross_entropy_and_accuracy(test_logits, splits.test_labels)
    _write_predictions(folder, test_logits, splits, logits_of(splits.validation_images))
    _, train_accuracy = cross_entropy_and_accuracy(
        logits_of(splits.train_images), splits.train_labels
    )

    duplicates = _duplicates(splits, test_logits)

    if keep_weights:
        _save_weights(built.model, folder)

    total = checkpoints.spent.and_then(spent())
    best = done.history[done.best_epoch - 1]
    counts = count(built.model)
    batch_size = spec.train.batch_size
    write_result(
        folder,
        Result(
            accuracy=Accuracy(
                train=best["accuracy"],
                train_kept=train_accuracy,
                validation=best["validation_accuracy"],
                test=test_accuracy,
                test_top5=_top_k(test_logits, splits.test_labels, 5),
                validation_loss=best["validation_loss"],
                test_loss=test_loss,
            ),
            parameters=Parameters(
                total=counts.total,
                trainable=counts.trainable,
                non_trainable=counts.non_trainable,
                backbone_layers=len(built.backbone.layers),
                frozen_layers=built.frozen_layers,
            ),
            memory=Memory(
                estimated_mb=built.estimated_mb(batch_size),
                estimated_with_input_mb=built.estimated_mb(batch_size, with_input=True),
                peak_rss_mb=total.peak_rss_mb,
                baseline_rss_mb=baseline_rss_mb,
                device_peak_mb=total.device_peak_mb,
            ),
            time=Time(
                import_seconds=import_seconds,
                data_seconds=data_seconds,
                build_seconds=build_seconds,
                first_step_seconds=done.first_step_seconds,
                images_per_second=done.median("images_per_second"),
                epoch_seconds=done.median("train_seconds"),
                fit_seconds=done.seconds,
                fit_seconds_uncached=done.seconds_uncached,
                frozen_prefix_seconds=done.prefix_seconds,
                evaluate_seconds=evaluate_seconds,
                input_wait_share=done.input_wait_share,
                trial_seconds=total.seconds,
            ),
            environment=environment(precision=spec.train.precision, xla=uses_xla()),
            flops_per_image=flops_per_image(built.backbone),
            epochs_run=len(done.history),
            best_epoch=done.best_epoch,
            stopped_early=done.stopped_early,
            train_images=len(splits.train_labels),
            validation_images=len(splits.validation_labels),
            test_images=len(splits.test_labels),
            class_names=splits.class_names,
            class_groups=splits.class_groups,
            requested_batch_size=batch_size,
            used_batch_size=micro_batch or batch_size,
            notes=(
                *splits.notes,
                *duplicate_notes(duplicates, splits, test_accuracy),
                *loading_notes(spec, built.loaded_share),
                *fit_notes(done, batch_size, micro_batch),
                *process_notes(),
            ),
            course=course(done.history, _commonest(splits.validation_labels)),
            hits=packed(splits.test_labels, test_logits.argmax(axis=1)),
            loaded_share=built.loaded_share,
            backbone_package=package_of(spec.model.model),
            dataset_package=dataset_registry.package_of(spec.data.dataset),
            graph_sha256=built.graph_sha256,
            duplicates=duplicates,
            own_validation=splits.own_validation,
        ),
    )


def _maker(spec: TrialSpec, micro_batch: int | None) -> dict[str, Any]:
    """What a checkpoint depends on; others are not resumed from."""
    import keras
    import tensorflow as tf

    return {
        "trial": spec.trial_id,
        "micro_batch": micro_batch,
        "cifarkit": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }


def _duplicates(splits: Splits, test_logits: np.ndarray) -> Duplicates:
    repeated = find_repeated(splits)
    right = (test_logits.argmax(axis=1) == splits.test_labels)[~repeated.test]
    return Duplicates(
        test_images=int(repeated.test.sum()),
        validation_images=repeated.validation,
        two_labels=repeated.two_labels,
        accuracy_without=float(right.mean()) if len(right) else None,
    )


def _save_weights(model: Any, folder: Path) -> None:
    # Keras wants the suffix, so the file beside it is named by a prefix.
    beside = folder / f".{KEPT_WEIGHTS}"
    model.save_weights(beside)
    beside.replace(folder / KEPT_WEIGHTS)


class _Clock:
    def __init__(self) -> None:
        self._mark = time.perf_counter()

    def lap(self) -> float:
        before, self._mark = self._mark, time.perf_counter()
        return self._mark - before


def _commonest(labels: np.ndarray) -> float:
    """The share of the commonest label: the accuracy of always guessing it."""
    return float(np.bincount(labels).max() / len(labels))


def _top_k(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The share of images whose label is among the k highest logits."""
    right = logits[np.arange(len(labels)), labels]
    return float(((logits > right[:, None]).sum(axis=1) < k).mean())


def _write_predictions(
    folder: Path, test_logits: np.ndarray, splits: Splits, validation_logits: np.ndarray
) -> None:
    shifted = np.exp(test_logits - test_logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        labels=splits.test_labels,
        predictions=test_logits.argmax(axis=1).astype(np.int32),
        probabilities=probabilities.astype(np.float16),
        validation_labels=splits.validation_labels,
        validation_predictions=validation_logits.argmax(axis=1).astype(np.int32),
    )
    write_atomically(folder / "predictions.npz", file.getvalue())

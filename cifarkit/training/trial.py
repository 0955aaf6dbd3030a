"""Runs one trial, from its data to its result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from cifarkit.datasets.dataset import Splits, select_classes, split
from cifarkit.datasets.registry import load
from cifarkit.errors import InvalidInput
from cifarkit.execution.events import Emit, PhaseChanged
from cifarkit.profiling.device_use import check_device
from cifarkit.profiling.memory import device_peak_mb, peak_rss_mb, rss_mb
from cifarkit.specs import TrialSpec
from cifarkit.store.kept_weights import CANDIDATE
from cifarkit.store.store import KEPT_WEIGHTS, write_history, write_result
from cifarkit.training.checkpoint import Checkpoints, ResourceUsage
from cifarkit.training.keras_compat import import_keras
from cifarkit.training.loop import fit
from cifarkit.training.model_builder import BuiltModel, build, precision
from cifarkit.training.trial_result import make_result
from cifarkit.training.trial_scores import score
from cifarkit.version import __version__


def run_trial_and_keep_weights(folder: Path, emit: Emit, *, micro_batch: int | None = None) -> None:
    """Like `run_trial`, and save the scored weights of the model."""
    run_trial(folder, emit, micro_batch=micro_batch, weights=KEPT_WEIGHTS)


def run_trial_and_offer_weights(
    folder: Path, emit: Emit, *, micro_batch: int | None = None
) -> None:
    """Like `run_trial`, and save the scored weights until it is known which trial was the best."""
    run_trial(folder, emit, micro_batch=micro_batch, weights=CANDIDATE)


def run_trial(
    folder: Path, emit: Emit, *, micro_batch: int | None = None, weights: str = ""
) -> None:
    """Run the trial whose `spec.json` is in `folder`, and write its results there.

    Args:
        folder: The trial's folder in a store.
        emit: Called with an event as the trial proceeds.
        micro_batch: The most images in memory at once, if a batch does not fit.
        weights: The name of the file to save the scored weights in; empty for none.
    """
    started = psutil.Process().create_time()
    phase = _Phases(emit)
    with phase("import"):
        import_keras()
        check_device()
    spec = TrialSpec.model_validate_json((folder / "spec.json").read_bytes())
    baseline_rss_mb = rss_mb()
    with phase("data"):
        splits = load_splits(spec)
    with phase("build"):
        built = _build(spec, splits, trials=folder.parent)

    def used() -> ResourceUsage:
        return ResourceUsage(time.time() - started, peak_rss_mb(), device_peak_mb())

    checkpoints = Checkpoints(folder, _checkpoint_identity(spec, micro_batch), used)
    fitted, logits_of = fit(
        built,
        splits,
        spec.train,
        emit=emit,
        on_epoch=lambda rows: write_history(folder, rows),
        checkpoints=checkpoints,
        micro_batch=micro_batch,
    )
    with phase("evaluate"):
        test_logits = logits_of(splits.test_images)
    scores = score(folder, splits, fitted, logits_of, test_logits)
    result = make_result(
        spec,
        splits,
        built,
        fitted,
        scores,
        usage=checkpoints.spent.and_then(used()),
        baseline_rss_mb=baseline_rss_mb,
        phase_seconds=phase.seconds,
        micro_batch=micro_batch,
    )
    if weights:
        _save_weights(built.model, folder, weights)
    write_result(folder, result)


def load_splits(spec: TrialSpec) -> Splits:
    """The training, validation and test images of a trial.

    Raises:
        InvalidInput: They cannot be read, or have changed since the trial was planned.
    """
    data = spec.data
    loaded = load(data.dataset, data.location, image_size=spec.model.image_size)
    if loaded.fingerprint != data.fingerprint:
        raise InvalidInput(
            f"the images in {data.location or data.dataset} are no longer those that this trial "
            f"was planned with ({loaded.fingerprint}, planned {data.fingerprint}); run the same "
            "command again to plan with the new images"
        )
    return split(
        select_classes(loaded, data.classes, data.class_seed, data.class_names),
        train_per_class=data.train_per_class,
        train_at_most=data.train_at_most,
        validation_fraction=data.validation_fraction,
        data_seed=data.data_seed,
    )


def _build(spec: TrialSpec, splits: Splits, *, trials: Path) -> BuiltModel:
    import keras

    keras.utils.set_random_seed(spec.train.seed)
    height, width = splits.train_images.shape[1:3]
    with precision(spec.train.precision):
        return build(spec.model, (height, width), trials=trials)


def _checkpoint_identity(spec: TrialSpec, micro_batch: int | None) -> dict[str, Any]:
    """What a checkpoint depends on; a trial does not resume from one with another identity."""
    import keras
    import tensorflow as tf

    return {
        "trial": spec.trial_id,
        "micro_batch": micro_batch,
        "cifarkit": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }


def _save_weights(model: Any, folder: Path, name: str) -> None:
    # Keras requires the suffix, so the temporary file differs by a prefix.
    temporary = folder / f".{name}"
    try:
        model.save_weights(temporary)
        temporary.replace(folder / name)
    except OSError as error:
        if name != CANDIDATE:
            raise
        # Nobody asked for them: a disk without room for weights must not cost a trial.
        temporary.unlink(missing_ok=True)
        print(f"the weights could not be kept: {error}", flush=True)


class _Phases:
    """Announces and times the phases of a trial.

    Attributes:
        seconds: By `<name>_seconds`, as in the result.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._emit(PhaseChanged(name))
        began = time.perf_counter()
        yield
        self.seconds[f"{name}_seconds"] = time.perf_counter() - began

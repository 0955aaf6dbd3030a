"""Computes the features of several networks for a screening, in a process of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarkit.datasets.subset import Joined
from cifarkit.execution.events import MIN_INTERVAL_SECONDS, Emit, PhaseChanged
from cifarkit.specs import TrialSpec
from cifarkit.training.image_features import compute, image_digests, network_key
from cifarkit.training.keras_compat import import_keras
from cifarkit.training.trial import load_splits

SPECS = "networks.json"
"""In the folder of the work: the specs of the networks to run, one after the other."""


def labelled_images(spec: TrialSpec) -> tuple[Joined, NDArray[np.int32]]:
    """The images that a screening may look at, all but the test images, and their labels, (n,)."""
    splits = load_splits(spec)
    images = Joined(splits.train_images, splits.validation_images)
    return images, np.concatenate([splits.train_labels, splits.validation_labels])


def extract(folder: Path, emit: Emit) -> None:
    """Compute and cache what is missing of the features of each network in `SPECS`.

    Args:
        folder: Holds `SPECS`.
        emit: Called with the network and its progress.
    """
    emit(PhaseChanged("import"))
    import_keras()
    import keras

    specs = [TrialSpec.model_validate(one) for one in json.loads((folder / SPECS).read_bytes())]
    loaded: tuple[int, Joined, NDArray[np.uint8]] | None = None
    for spec in specs:
        if loaded is None or loaded[0] != spec.model.image_size:
            images, _ = labelled_images(spec)
            loaded = spec.model.image_size, images, image_digests(images)
        emit(PhaseChanged(spec.model.model))
        progress = _Progress(spec.model.model, emit)
        compute(spec.model, network_key(spec.model), *loaded[1:], progress)
        keras.backend.clear_session()


class _Progress:
    """Reports the progress of a network about twice a second."""

    def __init__(self, model: str, emit: Emit) -> None:
        self._model, self._emit, self._reported_at = model, emit, time.perf_counter()

    def __call__(self, done: int, images: int) -> None:
        if time.perf_counter() - self._reported_at >= MIN_INTERVAL_SECONDS:
            self._reported_at = time.perf_counter()
            self._emit(PhaseChanged(f"{self._model} {done / images:.0%}"))

"""What a trial will cost, before anything is trained: parameters and estimated memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cifarkit.specs import ModelSpec, TrialSpec


@dataclass(frozen=True)
class Plan:
    """Of one trial; memory by the published study's estimate (see `profiling.memory`)."""

    spec: TrialSpec
    total_params: int
    trainable_params: int
    estimated_mb: float
    estimated_with_input_mb: float


def plan(specs: Iterable[TrialSpec]) -> Iterator[Plan]:
    """Plan each trial by building its model with random weights. Imports TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from cifarkit.profiling.params import count
    from cifarkit.training.build import BuiltModel, build

    last: tuple[ModelSpec, BuiltModel] | None = None
    for spec in specs:
        # What differs only in how it is trained has the same model.
        if last is None or last[0] != spec.model:
            last = None
            keras.backend.clear_session()
            size = spec.model.image_size
            last = (spec.model, build(spec.model, (size, size), pretrained=False))
        built, batch_size = last[1], spec.train.batch_size
        counts = count(built.model)
        yield Plan(
            spec=spec,
            total_params=counts.total,
            trainable_params=counts.trainable,
            estimated_mb=built.estimated_mb(batch_size),
            estimated_with_input_mb=built.estimated_mb(batch_size, with_input=True),
        )

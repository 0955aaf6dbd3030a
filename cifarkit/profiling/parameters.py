"""Parameter counts of a model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import keras


class Counts(NamedTuple):
    """Numbers of scalar weights; `total == trainable + non_trainable`."""

    total: int
    trainable: int
    non_trainable: int


def count(model: keras.Model) -> Counts:
    """Count the model's weights, those shared between layers once.

    Moving statistics of BatchNormalization are non-trainable weights; the states of random
    generators (Dropout's) and of metrics and optimizers are no weights.

    Args:
        model: A built model. Its `trainable` flags, and those of its layers, are taken as they
            stand.
    """
    total = _scalars(model.weights)
    trainable = _scalars(model.trainable_weights)
    return Counts(total, trainable, total - trainable)


def _scalars(weights: list[keras.Variable]) -> int:
    distinct = {id(weight): weight for weight in weights}
    return sum(math.prod(weight.shape) for weight in distinct.values())

"""Validation of labels, predictions and probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cifarkit.errors import InvalidInput

_ROUNDING = 1e-3
"""Rounding tolerance above 1: one float16 step."""


def class_indices(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """`values` as (n,) int64, n > 0, every entry at least 0.

    Raises:
        InvalidInput: The shape, dtype or range is wrong; the message starts with `name`.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise InvalidInput(f"{name}: expected shape (n,) with n > 0, got {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        raise InvalidInput(f"{name}: expected integers, got {array.dtype}")
    if array.min() < 0:
        raise InvalidInput(f"{name}: expected classes from 0, got {array.min()}")
    return array.astype(np.int64)


def labels_and_predictions(
    labels: ArrayLike, predictions: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both as (n,) int64.

    Raises:
        InvalidInput: One is not (n,) integers from 0, or their lengths differ.
    """
    right = class_indices("labels", labels)
    guessed = class_indices("predictions", predictions)
    if right.shape != guessed.shape:
        raise InvalidInput(f"{right.size} labels but {guessed.size} predictions")
    return right, guessed


def labels_and_probabilities(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels as (n,) int64, probabilities as (n, outputs) float64 in 0..1.

    float64 holds every float16 and float32 exactly, so equal probabilities stay equal.

    Raises:
        InvalidInput: A shape or dtype is wrong, a probability is not a number in 0..1, or a label
            has no column.
    """
    right = class_indices("labels", labels)
    table = np.asarray(probabilities)
    if table.ndim != 2 or table.shape[0] != right.size or table.shape[1] == 0:
        raise InvalidInput(
            f"probabilities: expected shape ({right.size}, outputs), got {table.shape}"
        )
    if not np.issubdtype(table.dtype, np.floating):
        raise InvalidInput(f"probabilities: expected floating point, got {table.dtype}")
    table = table.astype(np.float64)
    low, high = table.min(), table.max()
    if not (low >= 0 and high <= 1 + _ROUNDING):  # written so that NaN is refused too
        raise InvalidInput(f"probabilities: expected 0..1, got {low:.4g}..{high:.4g}")
    if right.max() >= table.shape[1]:
        raise InvalidInput(f"label {right.max()} has no column among {table.shape[1]} outputs")
    return right, np.minimum(table, 1.0)

"""Confusion matrix and most confused pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cifarkit.errors import InvalidInput
from cifarkit.evaluation._inputs import labels_and_predictions


@dataclass(frozen=True, eq=False)
class Confusion:
    """The counts of predictions by true class.

    A head may have more outputs than there are classes. A prediction of such an output is an
    error that belongs to no class, counted in `outside`.

    Attributes:
        counts: (classes, classes) int64; `counts[i, j]` images of class i were predicted as j.
        outside: (classes,) int64; images of class i predicted as an output that is no class.
    """

    counts: NDArray[np.int64]
    outside: NDArray[np.int64]

    @property
    def classes(self) -> int:
        return len(self.outside)

    @property
    def images(self) -> NDArray[np.int64]:
        """(classes,) int64, the images of each class."""
        return np.asarray(self.counts.sum(axis=1) + self.outside)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(classes,) int64, the images that were predicted as each class."""
        return np.asarray(self.counts.sum(axis=0))

    @property
    def correct(self) -> NDArray[np.int64]:
        """(classes,) int64, the images of each class that were predicted right."""
        return self.counts.diagonal()


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes and the images that went from one to the other; `first < second`."""

    first: int
    second: int
    first_as_second: int
    second_as_first: int

    @property
    def total(self) -> int:
        return self.first_as_second + self.second_as_first


def confusion(labels: ArrayLike, predictions: ArrayLike, classes: int) -> Confusion:
    """Count the predictions by true class.

    Args:
        labels: (n,) int, 0..classes-1.
        predictions: (n,) int from 0; those of `classes` and above are no class.
        classes: At least 1.

    Raises:
        InvalidInput: The arrays do not fit together, or a label is no class.
    """
    right, guessed = labels_and_predictions(labels, predictions)
    if right.max() >= classes:
        raise InvalidInput(f"label {right.max()} is not one of {classes} classes (from 0)")
    columns = classes + 1  # the last one counts outputs beyond the classes
    cell = right * columns + np.minimum(guessed, classes)
    counts = np.bincount(cell, minlength=classes * columns).reshape(classes, columns)
    return Confusion(counts[:, :classes], counts[:, classes])


def most_confused(found: Confusion, count: int) -> tuple[ConfusedPair, ...]:
    """The `count` pairs of classes with the most images taken for each other.

    Pairs of equal totals are in the order of their labels. A pair without any such image is left
    out, so that fewer may come back.
    """
    first, second = np.triu_indices(found.classes, k=1)
    totals = (found.counts + found.counts.T)[first, second]
    order = np.argsort(-totals, kind="stable")[: max(count, 0)]
    return tuple(
        ConfusedPair(a, b, int(found.counts[a, b]), int(found.counts[b, a]))
        for a, b in zip(first[order].tolist(), second[order].tolist(), strict=True)
        if found.counts[a, b] + found.counts[b, a] > 0
    )

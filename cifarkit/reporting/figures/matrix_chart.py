"""Data of a confusion matrix: its classes in drawing order, by superclass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cifarkit.evaluation.confusion import Confusion
from cifarkit.reporting.evaluation_scores import Scores, shown
from cifarkit.reporting.evaluation_tables import NO_CLASS
from cifarkit.text import shortened

MOST_CLASSES = 100
"""The most classes whose names fit a matrix."""
LONGEST_NAME = 22
"""The longest name of a class, in columns."""
_LONGEST_GROUP = 32


@dataclass(frozen=True, eq=False)
class MatrixChart:
    """A confusion matrix in drawing order.

    Attributes:
        rows: The true classes.
        columns: The same, and perhaps one more for outputs that are no class.
        counts: (rows, columns) int64; row i is right in column i.
        images: (rows,) int64, the images of each true class, also those taken for a class that
            is not shown.
        groups: Name, first row and number of rows of each superclass; empty without them.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    images: npt.NDArray[np.int64]
    groups: tuple[tuple[str, int, int], ...]
    footnote: str


def matrix_chart(scores: Scores) -> MatrixChart:
    """The data of the confusion matrix, grouped by superclass."""
    found = scores.confusion
    order, left_out = _order(scores, found)
    counts = found.counts[np.ix_(order, order)]
    names = tuple(shortened(scores.shown(label), LONGEST_NAME) for label in order)
    columns = names
    if found.outside.any():
        columns = (*names, NO_CLASS)
        counts = np.hstack([counts, found.outside[order][:, None]])
    footnote = (
        "Each row is a true class; a cell's colour is the share of its images that were taken for "
        "the column's class, on a square-root scale. Images predicted right, on the diagonal, are "
        "grey."
    )
    if left_out:
        footnote += (
            f" The {len(order)} classes with the most errors are shown, {left_out:,} are left out."
        )
    return MatrixChart(
        title="Confusion matrix: which classes are taken for which",
        rows=names,
        columns=columns,
        counts=counts,
        images=found.images[order],
        groups=_spans([scores.class_groups[label] for label in order] if scores.groups else []),
        footnote=footnote,
    )


def _order(scores: Scores, found: Confusion) -> tuple[list[int], int]:
    """The labels to show, by superclass and label, and the number left out."""
    labels = list(range(found.classes))
    if found.classes > MOST_CLASSES:
        errors = found.images - found.correct
        labels = sorted(np.argsort(-errors, kind="stable")[:MOST_CLASSES].tolist())
    if scores.groups:
        first = {group: at for at, group in reversed(list(enumerate(scores.class_groups)))}
        labels.sort(key=lambda label: (first[scores.class_groups[label]], label))
    return labels, found.classes - len(labels)


def _spans(groups: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    spans: list[tuple[str, int, int]] = []
    for name in dict.fromkeys(groups):
        text = shortened(shown(name), _LONGEST_GROUP)
        spans.append((text, groups.index(name), groups.count(name)))
    return tuple(spans)

"""Data of a confusion matrix: its classes in drawing order, those taken for each other together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cifarkit.evaluation.confusion import Confusion, most_confused
from cifarkit.reporting.evaluation_scores import Scores, shown
from cifarkit.reporting.evaluation_tables import NO_CLASS
from cifarkit.text import listed, shortened

MOST_CLASSES = 100
"""The most classes whose names fit a matrix."""
LONGEST_NAME = 22
"""The longest name of a class, in columns."""
_LONGEST_GROUP = 32
_IN_WORDS = 3


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
    alt: str = ""


def matrix_chart(scores: Scores) -> MatrixChart:
    """The data of the confusion matrix, by superclass or else by what is taken for what."""
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
    if not scores.groups and order != sorted(order):
        footnote += (
            " Neighbours are taken for each other most: the order is of a hierarchical clustering "
            "(average linkage) of the shares."
        )
    title = "Confusion matrix: which classes are taken for which"
    alt = f"{title}, {len(order)} classes"
    if worst := most_confused(found, _IN_WORDS):
        pairs = [f"{scores.shown(p.first)} and {scores.shown(p.second)} ({p.total})" for p in worst]
        alt += f". Most often taken for each other, with the number of images: {listed(pairs)}"
    return MatrixChart(
        title=title,
        rows=names,
        columns=columns,
        counts=counts,
        images=found.images[order],
        groups=_spans([scores.class_groups[label] for label in order] if scores.groups else []),
        footnote=footnote,
        alt=alt,
    )


def _order(scores: Scores, found: Confusion) -> tuple[list[int], int]:
    """The labels to show, in drawing order, and the number left out."""
    labels = list(range(found.classes))
    if found.classes > MOST_CLASSES:
        errors = found.images - found.correct
        labels = sorted(np.argsort(-errors, kind="stable")[:MOST_CLASSES].tolist())
    if scores.groups:
        first = {group: at for at, group in reversed(list(enumerate(scores.class_groups)))}
        labels.sort(key=lambda label: (first[scores.class_groups[label]], label))
    else:
        labels = _clustered(found, labels)
    return labels, found.classes - len(labels)


def _clustered(found: Confusion, labels: list[int]) -> list[int]:
    """The labels in the order of a dendrogram's leaves, neighbours as alike as it allows.

    The distance of two classes is the highest mean share of two classes' images that were taken
    for each other, minus theirs. Source of the order: Bar-Joseph, Gifford & Jaakkola 2001, "Fast
    optimal leaf ordering for hierarchical clustering", Bioinformatics 17, S22-S29.
    """
    shares = found.counts[np.ix_(labels, labels)] / np.maximum(found.images[labels], 1)[:, None]
    alike = (shares + shares.T) / 2
    np.fill_diagonal(alike, 0)
    if len(labels) < 3 or not alike.any():
        return labels
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distances = squareform(alike.max() - alike, checks=False)
    leaves = leaves_list(linkage(distances, "average", optimal_ordering=True))
    # A dendrogram has no direction: the first label is in the first half.
    if list(leaves).index(0) >= len(labels) / 2:
        leaves = leaves[::-1]
    return [labels[leaf] for leaf in leaves]


def _spans(groups: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    spans: list[tuple[str, int, int]] = []
    for name in dict.fromkeys(groups):
        text = shortened(shown(name), _LONGEST_GROUP)
        spans.append((text, groups.index(name), groups.count(name)))
    return tuple(spans)

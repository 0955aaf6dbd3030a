"""Tables of one network's evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cifarkit.evaluation.class_scores import ClassScore, Estimate, class_scores
from cifarkit.evaluation.confusion import most_confused
from cifarkit.evaluation.metrics import wilson_interval
from cifarkit.reporting import formatting
from cifarkit.reporting.evaluation_scores import TOP, Scores, Share, shown
from cifarkit.reporting.misclassifications import Mistake
from cifarkit.reporting.table import Cell, Table, number_columns, text_cell, text_columns

NO_CLASS = "(no class)"
"""An output of the network that is not a class."""
METRICS = {
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "nll": "Negative log-likelihood (nats)",
    "brier": "Brier score (0 to 2)",
    "ece": "Expected calibration error",
}
"""The headings of `ImageScores.metrics`."""


def headline(scores: Scores) -> Table:
    """Accuracy on test and validation images, each with its interval."""
    rows: list[tuple[str, Share | None]] = [
        ("Test, top 1", scores.top1),
        (f"Test, top {TOP}", scores.top5),
        ("Validation, top 1", scores.validation),
    ]
    return Table(
        f"{scores.name}-accuracy",
        "Accuracy with Wilson's 95% interval for the number of images.",
        (*text_columns("Images"), *number_columns("Accuracy", "95% interval", "Right", "Of")),
        tuple(
            (
                text_cell(name),
                *accuracy_cells(share.right, share.images),
                count_cell(share.right),
                count_cell(share.images),
            )
            for name, share in rows
            if share is not None
        ),
    )


def metrics(scores: Scores) -> Table:
    """The metrics other than accuracy, each with its interval."""
    columns = (*text_columns("Metric"), *number_columns("Value", "95% interval"))
    rows = []
    for name, value in scores.metrics.items():
        span = scores.intervals.get(name)
        interval = text_cell(formatting.interval(span, 3)) if span else Cell()
        rows.append((text_cell(METRICS[name]), _share(value, 3), interval))
    caption = (
        "Test images: the means of recall and of F1 over the classes with images"
        + (", and the quality of the probabilities" if "nll" in scores.metrics else "")
        + ". The interval of balanced accuracy is Wilson's for the effective number of images; the "
        "others are of a bootstrap over the images."
    )
    return Table(f"{scores.name}-metrics", caption, columns, tuple(rows))


def pairs(scores: Scores, count: int) -> Table | None:
    """The most confused pairs of classes, in both directions; None if there are none."""
    rows = []
    for pair in most_confused(scores.confusion, count):
        first, second = pair.first, pair.second
        cells = [text_cell(scores.shown(first)), text_cell(scores.shown(second))]
        cells += map(count_cell, (pair.first_as_second, pair.second_as_first, pair.total))
        if scores.groups:
            same = scores.class_groups[first] == scores.class_groups[second]
            cells.append(text_cell("yes" if same else "no"))
        rows.append(tuple(cells))
    if not rows:
        return None
    columns = (
        *text_columns("Class A", "Class B"),
        *number_columns("A taken for B", "B taken for A", "Both"),
        *text_columns(*(["Same superclass"] if scores.groups else [])),
    )
    caption = "The pairs of classes with the most test images taken for each other."
    return Table(f"{scores.name}-pairs", caption, columns, tuple(rows))


def groups(scores: Scores) -> Table | None:
    """All superclasses, worst first; None if there are none."""
    if scores.groups is None:
        return None
    found = sorted(scores.groups.scores, key=lambda group: _worst_first(group.class_accuracy))
    decimals = _decimals([group.images for group in found])
    columns = (
        *text_columns("Superclass"),
        *number_columns("Classes", "Images", "Class right", "Superclass right"),
    )
    rows = tuple(
        (
            text_cell(shown(group.name)),
            count_cell(group.classes),
            count_cell(group.images),
            _share(group.class_accuracy, decimals),
            _share(group.group_accuracy, decimals),
        )
        for group in found
    )
    caption = (
        "Accuracy per superclass, the worst first: of the class itself, and of any class of the "
        "same superclass."
    )
    return Table(f"{scores.name}-superclasses", caption, columns, rows)


def classes(scores: Scores) -> Table:
    """All classes, worst first."""
    found = sorted(class_scores(scores.confusion), key=lambda one: _worst_first(one.recall))
    decimals = _decimals([one.images for one in found])
    columns = (
        *text_columns("Class", *(["Superclass"] if scores.groups else [])),
        *number_columns("Images", "Recall", "Precision", "F1"),
        *text_columns("Most often taken for"),
    )
    rows = []
    for one in found:
        cells = [text_cell(scores.shown(one.label))]
        if scores.groups:
            cells.append(text_cell(shown(scores.class_groups[one.label])))
        cells += [
            count_cell(one.images),
            *(_estimate(value, decimals) for value in (one.recall, one.precision, one.f1)),
            _taken_for(scores, one),
        ]
        rows.append(tuple(cells))
    caption = (
        "Recall (the accuracy on the class's images), precision and F1 of each class, the worst "
        "recall first. The intervals of a column hold for all classes at once with 95%: Wilson's "
        "with Bonferroni's correction; F1's is made of Wilson's for TP / (TP + FP + FN)."
    )
    return Table(f"{scores.name}-classes", caption, columns, tuple(rows))


def mistakes(scores: Scores, found: Sequence[Mistake], name: str, caption: str) -> Table:
    """Misclassified images; their confidence only where there are probabilities."""
    rows = [
        (
            Cell(one.image, str(one.image)),
            text_cell(scores.shown(one.label)),
            text_cell(taken_for(scores, one.predicted)),
            _share(one.confidence, 3),
        )
        for one in found
    ]
    columns = (
        *number_columns("Test image"),
        *text_columns("Class", "Taken for"),
        *number_columns("Confidence"),
    )
    shown_columns = len(columns) - (scores.calibration is None)
    return Table(
        f"{scores.name}-{name}",
        f"{caption}; test images are counted from 0.",
        columns[:shown_columns],
        tuple(row[:shown_columns] for row in rows),
    )


def taken_for(scores: Scores, output: int) -> str:
    """The name of an output, which may not be a class."""
    return scores.shown(output) if output < len(scores.class_names) else NO_CLASS


def commonest_error(scores: Scores, label: int) -> tuple[int, int] | None:
    """The other class that this one was most often taken for, and how often; None if never."""
    row = scores.confusion.counts[label].copy()
    row[label] = 0
    other = int(np.argmax(row))
    return (other, int(row[other])) if row[other] else None


def _taken_for(scores: Scores, one: ClassScore) -> Cell:
    found = commonest_error(scores, one.label)
    if found is None:
        return Cell()
    return text_cell(f"{scores.shown(found[0])} ({found[1]:,})")


def _worst_first(accuracy: Estimate | float | None) -> float:
    """Classes without images come last."""
    if accuracy is None:
        return 2.0
    return accuracy.value if isinstance(accuracy, Estimate) else accuracy


def _estimate(found: Estimate | None, decimals: int) -> Cell:
    """`0.50 (0.24 to 0.76)`."""
    if found is None:
        return Cell()
    interval = formatting.interval(found.interval, decimals)
    return Cell(found.value, f"{found.value:.{decimals}f} ({interval})")


def _decimals(images: Sequence[int]) -> int:
    return formatting.accuracy_decimals(min((n for n in images if n), default=0))


def count_cell(number: int) -> Cell:
    return Cell(number, f"{number:,}")


def _share(value: float | None, decimals: int) -> Cell:
    return Cell() if value is None else Cell(value, f"{value:.{decimals}f}")


def accuracy_cells(right: int, images: int) -> tuple[Cell, Cell]:
    """A share of images, and Wilson's 95% interval of it."""
    decimals = formatting.accuracy_decimals(images)
    interval = formatting.interval(wilson_interval(right, images), decimals)
    return _share(right / images, decimals), text_cell(interval)

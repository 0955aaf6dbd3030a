"""Figures of one network's evaluation; matplotlib is imported when they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cifarkit.evaluation.calibration import Calibration
from cifarkit.evaluation.class_scores import Estimate, class_scores
from cifarkit.reporting.document_model import Figure
from cifarkit.reporting.evaluation_scores import Scores
from cifarkit.reporting.evaluation_tables import taken_for
from cifarkit.reporting.figures.matrix_chart import (
    LONGEST_NAME,
    MOST_CLASSES,
    MatrixChart,
    matrix_chart,
)
from cifarkit.reporting.misclassifications import Mistake
from cifarkit.text import counted, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_IN_WORDS = 3
"""How many images of a contact sheet its alternative text names."""


def matrix(scores: Scores) -> Figure:
    """The confusion matrix."""
    chart = matrix_chart(scores)
    draw = partial(_matrix, chart)
    return Figure(f"{scores.name}-confusion", chart.title, draw, alt=chart.alt)


def class_accuracy(scores: Scores) -> Figure:
    """The accuracy of each class with its interval, the lowest first."""
    found = [
        (one.label, one.recall) for one in class_scores(scores.confusion) if one.recall is not None
    ]
    mean = fmean(recall.value for _, recall in found)
    found = sorted(found, key=lambda one: one[1].value)[:MOST_CLASSES]
    named = [(shortened(scores.shown(label), LONGEST_NAME), recall) for label, recall in found]
    left_out = len(scores.class_names) - len(scores.without_images) - len(named)
    footnote = (
        "Dots: the share of the class's test images predicted right. Lines: 95% intervals that "
        "hold for all classes at once (Wilson's with Bonferroni's correction). Dashed: "
        f"{mean:.3f}, the mean over the classes."
    )
    if left_out:
        footnote += f" The {len(named)} lowest are shown, {left_out:,} are left out."
    title = "Accuracy of each class, the lowest first"
    (worst, low), (best, high) = named[0], named[-1]
    alt = (
        f"{title}: from {low.value:.3f} ({worst}) to {high.value:.3f} ({best}), around a mean of "
        f"{mean:.3f}"
    )
    draw = partial(_class_dots, title, footnote, named, mean)
    return Figure(f"{scores.name}-class-accuracy", title, draw, alt=alt)


def reliability(scores: Scores) -> Figure:
    """The reliability curve: accuracy against confidence."""
    assert scores.calibration is not None
    error = f"{scores.calibration.expected_error:.3f}"
    title = f"Reliability: accuracy against confidence (expected calibration error {error})"
    draw = partial(_reliability, title, scores.calibration)
    filled = [one for one in scores.calibration.bins if one.images]
    below = sum((one.accuracy or 0) < (one.confidence or 0) for one in filled)
    alt = (
        f"{title}. In {below} of the {counted(len(filled), 'bin')} that hold images the accuracy "
        "is below the confidence"
    )
    return Figure(f"{scores.name}-reliability", title, draw, alt=alt)


def contact_sheet(
    scores: Scores,
    found: Sequence[Mistake],
    images: npt.NDArray[np.uint8],
    name: str = "mistakes",
    title: str = "The most confident mistakes",
) -> Figure:
    """The contact sheet of some errors."""
    captions = tuple(
        (
            shortened(scores.shown(one.label), LONGEST_NAME),
            f"→ {shortened(taken_for(scores, one.predicted), LONGEST_NAME)}",
            "" if one.confidence is None else f"{one.confidence:.3f}",
        )
        for one in found
    )
    confidence = "" if scores.calibration is None else ", confidence"
    title = f"{title}: true class → predicted class{confidence}"
    draw = partial(_contact_sheet, title, images, captions)
    listed_first = "; ".join(" ".join(filter(None, caption)) for caption in captions[:_IN_WORDS])
    alt = f"{title}. {counted(len(captions), 'image')}, the first: {listed_first}"
    return Figure(f"{scores.name}-{name}", title, draw, alt=alt)


def _matrix(chart: MatrixChart) -> Canvas:
    from cifarkit.reporting.figures.confusion import draw

    return draw(chart)


def _class_dots(
    title: str, footnote: str, classes: Sequence[tuple[str, Estimate]], mean: float
) -> Canvas:
    from cifarkit.reporting.figures.class_dots import draw

    return draw(title, footnote, classes, mean)


def _reliability(title: str, calibration: Calibration) -> Canvas:
    from cifarkit.reporting.figures.reliability import draw

    return draw(title, calibration)


def _contact_sheet(
    title: str, images: npt.NDArray[np.uint8], captions: Sequence[tuple[str, str, str]]
) -> Canvas:
    from cifarkit.reporting.figures.contact_sheet import draw

    return draw(title, images, captions)

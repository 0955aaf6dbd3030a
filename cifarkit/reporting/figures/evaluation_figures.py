"""Figures of one network's evaluation; matplotlib is imported when they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cifarkit.evaluation.calibration import Calibration
from cifarkit.reporting.document_model import Figure
from cifarkit.reporting.evaluation_scores import Scores
from cifarkit.reporting.evaluation_tables import taken_for
from cifarkit.reporting.figures.matrix_chart import LONGEST_NAME, MatrixChart, matrix_chart
from cifarkit.reporting.misclassifications import Mistake
from cifarkit.text import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def matrix(scores: Scores) -> Figure:
    """The confusion matrix."""
    chart = matrix_chart(scores)
    return Figure(f"{scores.name}-confusion", chart.title, partial(_matrix, chart))


def reliability(scores: Scores) -> Figure:
    """The reliability curve: accuracy against confidence."""
    assert scores.calibration is not None
    error = f"{scores.calibration.expected_error:.3f}"
    title = f"Reliability: accuracy against confidence (expected calibration error {error})"
    draw = partial(_reliability, title, scores.calibration)
    return Figure(f"{scores.name}-reliability", title, draw)


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
    return Figure(f"{scores.name}-{name}", title, partial(_contact_sheet, title, images, captions))


def _matrix(chart: MatrixChart) -> Canvas:
    from cifarkit.reporting.figures.confusion import draw

    return draw(chart)


def _reliability(title: str, calibration: Calibration) -> Canvas:
    from cifarkit.reporting.figures.reliability import draw

    return draw(title, calibration)


def _contact_sheet(
    title: str, images: npt.NDArray[np.uint8], captions: Sequence[tuple[str, str, str]]
) -> Canvas:
    from cifarkit.reporting.figures.contact_sheet import draw

    return draw(title, images, captions)

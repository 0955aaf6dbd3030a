"""Draws each class's accuracy with its interval, in one or two columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cifarkit.evaluation.class_scores import Estimate
from cifarkit.reporting.figures import style

_ONE_COLUMN = 30
"""Up to this many classes are in one column."""
_ROW = 0.14
"""Height of a row, in inches."""


def draw(title: str, footnote: str, classes: Sequence[tuple[str, Estimate]], mean: float) -> Figure:
    """Draw the classes in their order, column by column, on a common scale.

    Args:
        classes: Name and recall of each.
        mean: Where the dashed line is.
    """
    across = 1 if len(classes) <= _ONE_COLUMN else 2
    down = -(-len(classes) // across)
    with style.look():
        figure = style.new_figure(1.2 + _ROW * down, title, footnote)
        panels = figure.subplots(1, across, sharex=True, squeeze=False)[0]
        for number, axes in enumerate(panels):
            _column(axes, classes[number * down : (number + 1) * down], mean)
            axes.set_ylim(down - 0.4, -0.6)
        lowest = min(recall.interval.low for _, recall in classes)
        panels[0].set_xlim(math.floor(lowest * 10) / 10, 1)
        style.settle(figure)
    return figure


def _column(axes: Axes, classes: Sequence[tuple[str, Estimate]], mean: float) -> None:
    axes.axvline(mean, linestyle="--", color=style.GREY, linewidth=0.8)
    for row, (name, recall) in enumerate(classes):
        span = recall.interval
        axes.plot([span.low, span.high], [row, row], color=style.SKY, linewidth=1.6)
        look: dict[str, Any] = {"color": style.BLUE, "markersize": 3, "clip_on": False}
        (mark,) = axes.plot([recall.value], [row], "o", **look)
        interval = f"95% interval {span.low:.3f} to {span.high:.3f}"
        style.set_tip(mark, f"{name}: accuracy {recall.value:.3f}, {interval}")
    axes.set_yticks(range(len(classes)), [name for name, _ in classes], fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_xlabel("Accuracy on the class's images", fontsize=8)
    axes.grid(axis="x")
    style.plain_numbers(axes, "x")

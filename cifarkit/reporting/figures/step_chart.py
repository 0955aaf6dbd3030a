"""Draws what each step of a whole study went on with: dots with intervals, joined in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 0.3
"""Height of a row, in inches."""
_LONGEST = 52
"""The longest label, in columns."""


@dataclass(frozen=True)
class StepDot:
    """A step; `low` and `high` are the 95% interval of its accuracy, if it has one."""

    label: str
    accuracy: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class StepChart:
    """The steps from the first to the last."""

    title: str
    dots: tuple[StepDot, ...]


def draw(chart: StepChart) -> Figure:
    """Draw the steps downwards, test accuracy across."""
    from cifarkit.reporting.figures import style
    from cifarkit.text import shortened

    with style.look():
        figure = style.new_figure(1.1 + _ROW * len(chart.dots), chart.title, "")
        axes = figure.add_subplot()
        places = range(len(chart.dots))
        accuracies = [dot.accuracy for dot in chart.dots]
        axes.step(accuracies, places, where="post", color=style.GREY, linewidth=1)
        for place, dot in zip(places, chart.dots, strict=True):
            if dot.low is not None and dot.high is not None:
                axes.plot([dot.low, dot.high], [place, place], "|-", color=style.BLUE, markersize=6)
            axes.plot([dot.accuracy], [place], "o", color=style.BLUE, markersize=5)
            axes.text(
                1.02, place, dot.text, transform=axes.get_yaxis_transform(), va="center", fontsize=8
            )
        axes.set_yticks(places, [shortened(dot.label, _LONGEST) for dot in chart.dots], fontsize=8)
        axes.set_ylim(len(chart.dots) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Test accuracy", fontsize=8)
        axes.grid()
        style.plain_numbers(axes, "x")
        style.settle(figure)
    return figure

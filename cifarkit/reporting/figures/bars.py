"""Draws horizontal bars with their values."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.data import Bar, BarChart

_PAD = 4.0
"""Points between the end of a bar and its text."""


def draw(chart: BarChart) -> Figure:
    """Draw the chart; its height grows with the number of bars."""
    with style.look():
        figure = style.new_figure(1.2 + 0.26 * len(chart.bars), chart.title, chart.footnote)
        axes = figure.add_subplot()
        texts = [draw_bar(axes, bar, at, 0.68, style.BLUE) for at, bar in enumerate(chart.bars)]
        axes.set_ylim(len(chart.bars) - 0.4, -0.6)
        label_axes(axes, [bar.label for bar in chart.bars], chart.axis, texts)
        make_room(axes, texts, style.settle(figure))
    return figure


def draw_bar(axes: Axes, bar: Bar, place: float, height: float, colour: str) -> Annotation:
    """Draw a bar and its interval, and write its value to the right of both."""
    value = bar.value or 0.0
    axes.barh(place, value, height=height, color=colour)
    if bar.low is not None and bar.high is not None:
        axes.plot([bar.low, bar.high], [place, place], color=style.BLACK, linewidth=1.1)
    return axes.annotate(
        bar.text,
        (max(value, bar.high or 0.0), place),
        xytext=(_PAD, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        annotation_clip=False,
    )


def label_axes(axes: Axes, names: Sequence[str], axis: str, texts: Sequence[Annotation]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, max((text.xy[0] for text in texts), default=0) or 1)
    axes.set_xlabel(axis)
    axes.grid(axis="x")
    style.plain_numbers(axes, "x")


def make_room(axes: Axes, texts: Sequence[Annotation], renderer: RendererBase) -> None:
    """Widen the axis until all values are inside."""
    width = axes.get_window_extent(renderer).width
    limit = axes.get_xlim()[1]
    for text in texts:
        room = text.get_window_extent(renderer).width + 2 * style.pixels(axes, _PAD)
        if text.xy[0] > 0 and room < width:
            limit = max(limit, text.xy[0] * width / (width - room))
    axes.set_xlim(0, limit)

"""Draws horizontal bars with their values."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.data import BarChart

_PAD = 4.0
"""Points between the end of a bar and its text."""


def draw(chart: BarChart) -> Figure:
    """Draw the chart; its height grows with the number of bars."""
    with style.look():
        figure = style.new_figure(1.2 + 0.26 * len(chart.bars), chart.title, chart.footnote)
        axes = figure.add_subplot()
        places = range(len(chart.bars))
        ends = [bar.value if bar.high is None else max(bar.value, bar.high) for bar in chart.bars]
        axes.barh(places, [bar.value for bar in chart.bars], color=style.BLUE, height=0.68)
        for place, bar in zip(places, chart.bars, strict=True):
            if bar.low is not None and bar.high is not None:
                axes.plot([bar.low, bar.high], [place, place], color=style.BLACK, linewidth=1.1)
        texts = [
            value_text(axes, bar.text, end, place)
            for place, bar, end in zip(places, chart.bars, ends, strict=True)
        ]
        axes.set_yticks(places, [bar.label for bar in chart.bars])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(chart.bars) - 0.4, -0.6)
        axes.set_xlim(0, max(ends, default=0) or 1)
        axes.set_xlabel(chart.axis)
        axes.grid(axis="x")
        style.plain_numbers(axes, "x")
        make_room(axes, texts, ends, style.settle(figure))
    return figure


def value_text(axes: Axes, text: str, end: float, place: float) -> Annotation:
    """Write a value to the right of its bar."""
    return axes.annotate(
        text,
        (end, place),
        xytext=(_PAD, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        annotation_clip=False,
    )


def make_room(
    axes: Axes, texts: list[Annotation], ends: list[float], renderer: RendererBase
) -> None:
    """Widen the axis until all values are inside."""
    width = axes.get_window_extent(renderer).width
    limit = axes.get_xlim()[1]
    for text, end in zip(texts, ends, strict=True):
        room = text.get_window_extent(renderer).width + 2 * style.pixels(axes, _PAD)
        if end > 0 and room < width:
            limit = max(limit, end * width / (width - room))
    axes.set_xlim(0, limit)

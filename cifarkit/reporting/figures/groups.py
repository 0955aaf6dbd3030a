"""Draws grouped horizontal bars: image sizes within models."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.bars import make_room, value_text
from cifarkit.reporting.figures.series import GroupedChart


def draw(chart: GroupedChart) -> Figure:
    """Draw the chart, with the reason in place of a missing bar."""
    count = max(len(chart.series), 1)
    thickness = 0.8 / count
    with style.look():
        height = 1.3 + 0.24 * (count + 0.8) * len(chart.groups)
        figure = style.new_figure(height, chart.title, "")
        axes = figure.add_subplot()
        texts, ends = [], []
        for group, (_, bars) in enumerate(chart.groups):
            for bar in bars:
                at = chart.series.index(bar.series)
                place = group + thickness * (at - (count - 1) / 2)
                end = max(bar.value or 0.0, bar.high or 0.0)
                colour = style.CYCLE[at % len(style.CYCLE)]
                axes.barh(place, bar.value or 0.0, height=0.9 * thickness, color=colour)
                if bar.low is not None and bar.high is not None:
                    span = [bar.low, bar.high]
                    axes.plot(span, [place, place], color=style.BLACK, linewidth=1.1)
                texts.append(value_text(axes, bar.text, end, place))
                ends.append(end)
        axes.set_yticks(range(len(chart.groups)), [name for name, _ in chart.groups])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(chart.groups) - 0.5, -0.5)
        axes.set_xlim(0, max(ends, default=0) or 1)
        axes.set_xlabel(chart.axis)
        axes.grid(axis="x")
        style.plain_numbers(axes, "x")
        patches = [
            Patch(color=style.CYCLE[at % len(style.CYCLE)], label=name)
            for at, name in enumerate(chart.series)
        ]
        figure.legend(handles=patches, loc="outside lower right", ncols=5, fontsize=8)
        make_room(axes, texts, ends, style.settle(figure))
    return figure

"""Draws grouped horizontal bars: image sizes within models."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.bars import draw_bar, label_axes, make_room
from cifarkit.reporting.figures.series import GroupedChart


def draw(chart: GroupedChart) -> Figure:
    """Draw the chart, with the reason in place of a missing bar."""
    count = max(len(chart.series), 1)
    thickness = 0.8 / count
    with style.look():
        height = 1.3 + 0.24 * (count + 0.8) * len(chart.groups)
        figure = style.new_figure(height, chart.title, "")
        axes = figure.add_subplot()
        texts = []
        for group, (_, bars) in enumerate(chart.groups):
            for bar in bars:
                at = chart.series.index(bar.label)
                place = group + thickness * (at - (count - 1) / 2)
                colour = style.CYCLE[at % len(style.CYCLE)]
                texts.append(draw_bar(axes, bar, place, 0.9 * thickness, colour))
        axes.set_ylim(len(chart.groups) - 0.5, -0.5)
        label_axes(axes, [name for name, _ in chart.groups], chart.axis, texts)
        patches = [
            Patch(color=style.CYCLE[at % len(style.CYCLE)], label=name)
            for at, name in enumerate(chart.series)
        ]
        figure.legend(handles=patches, loc="outside lower right", ncols=5, fontsize=8)
        make_room(axes, texts, style.settle(figure))
    return figure

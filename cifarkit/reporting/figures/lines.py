"""Draws a quantity along a numeric setting, with intervals if available."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.series import Dot, LineChart

_MARKERS = "osD^vPX"


def draw(chart: LineChart) -> Figure:
    """Draw the chart, with ticks at the values tried."""
    with style.look():
        figure = style.new_figure(3.4, chart.title, chart.footnote)
        axes = figure.add_subplot()
        for number, (name, dots) in enumerate(chart.lines):
            _line(axes, number, name, dots)
        if chart.log_x:
            axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([x for x, _ in chart.ticks]))
        axes.xaxis.set_major_formatter(FixedFormatter([text for _, text in chart.ticks]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(chart.x_axis)
        axes.set_ylabel(chart.y_axis)
        if not chart.has_intervals:
            # Costs start at zero; accuracies do not.
            axes.set_ylim(bottom=0)
        axes.grid()
        style.plain_numbers(axes, "y")
        if any(name for name, _ in chart.lines):
            style.legend_above(axes, columns=3)
        _untangle(axes, style.settle(figure))
    return figure


def _line(axes: Axes, number: int, name: str, dots: tuple[Dot, ...]) -> None:
    below = [dot.y - (dot.y if dot.low is None else dot.low) for dot in dots]
    above = [(dot.y if dot.high is None else dot.high) - dot.y for dot in dots]
    axes.errorbar(
        [dot.x for dot in dots],
        [dot.y for dot in dots],
        yerr=[below, above] if any(below) or any(above) else None,
        color=style.CYCLE[number % len(style.CYCLE)],
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=4.5,
        linewidth=1.2,
        elinewidth=1,
        capsize=3,
        label=name or "_only",
    )


def _untangle(axes: Axes, renderer: object) -> None:
    """Remove tick labels that would overlap the previous one."""
    edge = float("-inf")
    for label in axes.get_xticklabels():
        extent = label.get_window_extent(renderer)  # type: ignore[arg-type]
        if extent.x0 < edge + 3:
            label.set_visible(False)
        else:
            edge = extent.x1

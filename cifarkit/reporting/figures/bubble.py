"""Draws accuracy against training time, with the parameters as bubble area."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.data import Bubble, BubbleChart
from cifarkit.reporting.figures.placement import Box, Point, place

_LARGEST = 700.0
"""Area of the largest bubble, in square points."""
_SMALLEST = 8.0
"""Area of the smallest visible bubble, in square points."""
_FONT = 7.5


def draw(chart: BubbleChart) -> Figure:
    """Draw the chart with labelled bubbles, or with numbers and a key if the labels do not fit."""
    figure = _drawn(chart, key=False)
    return figure if figure is not None else _drawn(chart, key=True) or Figure()


def _drawn(chart: BubbleChart, key: bool) -> Figure | None:
    lines = math.ceil(len(chart.bubbles) / 2) if key else 0
    with style.look():
        figure = style.new_figure(4.6 + 0.16 * lines, chart.title, chart.footnote)
        axes, below = _axes(figure, lines)
        most = max((bubble.parameters for bubble in chart.bubbles), default=1) or 1
        front = [chart.bubbles[n] for n in chart.front]
        path = {"color": style.GREY, "linestyle": "--", "linewidth": 0.9, "zorder": 0.9}
        axes.plot([b.cost for b in front], [b.accuracy for b in front], **path)  # type: ignore[arg-type]
        for number, bubble in enumerate(chart.bubbles):
            mark = axes.scatter(
                [bubble.cost],
                [bubble.accuracy],
                s=_area(bubble.parameters, most),
                color=style.BLUE if number in chart.front else style.SKY,
                alpha=0.6,
                edgecolor=style.BLUE,
                linewidth=0.8,
            )
            cost = f"{bubble.cost:,.1f} {chart.unit}, {bubble.parameters:,.0f} parameters"
            style.set_tip(mark, f"{bubble.label}: test accuracy {bubble.accuracy:.3f}, {cost}")
        if chart.log_time:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
        _limits(axes, chart)
        axes.set_xlabel(f"{chart.cost} ({chart.unit}){', logarithmic' if chart.log_time else ''}")
        axes.set_ylabel("Test accuracy")
        axes.grid()
        style.plain_numbers(axes, "x")
        style.plain_numbers(axes, "y")
        _size_legend(axes, most)
        if below is not None:
            _key(below, chart)
        renderer = style.settle(figure)
        placed = _label(axes, chart, renderer, key)
    return figure if placed else None


def _area(parameters: float, most: float) -> float:
    return max(_SMALLEST, _LARGEST * parameters / most)


def _limits(axes: Axes, chart: BubbleChart) -> None:
    """Set margins wide enough for a bubble and part of its label."""
    times = [bubble.cost for bubble in chart.bubbles] or [1.0]
    scores = [bubble.accuracy for bubble in chart.bubbles] or [0.5]
    low, high = min(times), max(times)
    if chart.log_time:
        margin = (high / low) ** 0.12
        axes.set_xlim(low / margin, high * margin**1.5)
    else:
        margin = 0.12 * ((high - low) or high or 1)
        axes.set_xlim(low - margin, high + 1.5 * margin)
    margin = 0.1 * ((max(scores) - min(scores)) or 0.1)
    axes.set_ylim(min(scores) - margin, max(scores) + margin)


def _size_legend(axes: Axes, most: float) -> None:
    """Add a size legend of two bubbles with round numbers."""
    top = 10 ** math.floor(math.log10(most))
    for parameters in (top / 10, top):
        label = f"{parameters / 1e6:g} M" if parameters >= 1e5 else f"{parameters:,.0f}"
        area = _area(parameters, most)
        axes.scatter([], [], s=area, color=style.BLUE, alpha=0.55, label=f"{label} parameters")
    # A handle is as long as the largest bubble is wide, 700 square points.
    style.legend_above(axes, columns=2, handlelength=4)


def _label(axes: Axes, chart: BubbleChart, renderer: RendererBase, key: bool) -> bool:
    """Label every bubble; False if a label does not fit."""
    names = [str(n + 1) if key else b.label for n, b in enumerate(chart.bubbles)]
    most = max((bubble.parameters for bubble in chart.bubbles), default=1) or 1
    points = [
        _point(axes, bubble, name, most, renderer)
        for bubble, name in zip(chart.bubbles, names, strict=True)
    ]
    frame, scale = axes.get_window_extent(renderer), 1 / style.pixels(axes, 1)
    boxes = place(
        points, Box(frame.x0 * scale, frame.y0 * scale, frame.x1 * scale, frame.y1 * scale)
    )
    if boxes is None:
        if not key:
            return False
        # So crowded that even numbers collide: put each on its bubble.
        boxes = [_centred(point) for point in points]
    for point, name, box in zip(points, names, boxes, strict=True):
        _annotate(axes, point, name, box)
    return True


def _point(axes: Axes, bubble: Bubble, name: str, most: float, renderer: RendererBase) -> Point:
    x, y = axes.transData.transform((bubble.cost, bubble.accuracy))
    measured = axes.text(0.5, 0.5, name, fontsize=_FONT, transform=axes.transAxes)
    extent = measured.get_window_extent(renderer)
    measured.remove()
    scale = 1 / style.pixels(axes, 1)
    return Point(
        x=float(x) * scale,
        y=float(y) * scale,
        radius=math.sqrt(_area(bubble.parameters, most) / math.pi),
        width=extent.width * scale + 3,
        height=extent.height * scale + 2,
    )


def _annotate(axes: Axes, point: Point, name: str, box: Box) -> None:
    """Draw a label in its box, with a line to its bubble if it is apart."""
    x, y = _in_axes(axes, (box.left + box.right) / 2, (box.bottom + box.top) / 2)
    axes.text(x, y, name, ha="center", va="center", fontsize=_FONT, transform=axes.transAxes)
    near_x = min(max(point.x, box.left), box.right)
    near_y = min(max(point.y, box.bottom), box.top)
    away = math.hypot(near_x - point.x, near_y - point.y)
    if away > point.radius + 7:
        rim = point.radius / away
        rim_x, rim_y = point.x + (near_x - point.x) * rim, point.y + (near_y - point.y) * rim
        (x0, y0), (x1, y1) = _in_axes(axes, rim_x, rim_y), _in_axes(axes, near_x, near_y)
        axes.plot([x0, x1], [y0, y1], color=style.GREY, linewidth=0.6, transform=axes.transAxes)


def _in_axes(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Convert a position in points to a fraction of the axes."""
    one = style.pixels(axes, 1)
    across, up = axes.transAxes.inverted().transform((x * one, y * one))
    return float(across), float(up)


def _centred(point: Point) -> Box:
    across, up = point.width / 2, point.height / 2
    return Box(point.x - across, point.y - up, point.x + across, point.y + up)


def _axes(figure: Figure, lines: int) -> tuple[Axes, Axes | None]:
    """Create axes for the chart and, below, for a key of so many lines."""
    if not lines:
        return figure.add_subplot(), None
    grid = figure.add_gridspec(2, 1, height_ratios=(4.0, 0.16 * lines))
    return figure.add_subplot(grid[0]), figure.add_subplot(grid[1])


def _key(axes: Axes, chart: BubbleChart) -> None:
    """Draw the key of numbers and names in two columns."""
    half = math.ceil(len(chart.bubbles) / 2)
    lines = [f"{n}  {bubble.label}" for n, bubble in enumerate(chart.bubbles, start=1)]
    axes.set_axis_off()
    for column, part in enumerate((lines[:half], lines[half:])):
        axes.text(0.5 * column, 1, "\n".join(part), va="top", fontsize=7, transform=axes.transAxes)

"""Draws a confusion matrix that stays readable from two classes to a hundred."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.matrix_chart import MatrixChart

# A single hue from white to nearly black, readable by lightness alone.
_COLOURS = LinearSegmentedColormap.from_list(
    "confusion", ["#FFFFFF", "#CBE3F2", style.SKY, style.BLUE, "#002A45"]
)
_DIAGONAL = "#DADADA"
_ABOVE_AND_BELOW = 2.4
"""Inches for the title, the names of the columns and the footnote."""
_BESIDE = 3.6
"""Inches for the names on the left, and superclasses and the scale on the right."""
_NUMBERED = 25
"""Up to this many classes each cell has room for a number."""


def draw(chart: MatrixChart) -> Figure:
    """Draw the matrix, with room for the names of rows and columns."""
    classes = len(chart.rows)
    cell, size = _measures(classes)
    side = cell * classes
    with style.look():
        figure = style.new_figure(
            side + _ABOVE_AND_BELOW,
            chart.title,
            chart.footnote,
            width=max(style.WIDTH, side + _BESIDE),
        )
        # Cells are square; trim the space that the layout leaves empty.
        figure.set_layout_engine("compressed")
        axes = figure.add_subplot()
        shares = chart.counts / np.maximum(chart.images, 1)[:, None]
        errors = shares.copy()
        np.fill_diagonal(errors, np.nan)
        highest = float(np.nanmax(errors, initial=0.0)) or 1.0
        colours = _COLOURS.with_extremes(bad=_DIAGONAL)
        image = axes.imshow(errors, cmap=colours, norm=PowerNorm(0.5, 0, highest))
        axes.set_xticks(range(len(chart.columns)), chart.columns, rotation=90, fontsize=size)
        axes.set_yticks(range(classes), chart.rows, fontsize=size)
        axes.tick_params(length=0, pad=2)
        axes.set_xlabel("Predicted class")
        axes.set_ylabel("True class")
        axes.spines[:].set_visible(True)
        _groups(axes, chart, size)
        if len(chart.columns) > classes:
            axes.axvline(classes - 0.5, color=style.GREY, linewidth=0.8)
        if classes <= _NUMBERED:
            _numbers(axes, chart, errors / highest, size)
        else:
            _scale(figure, axes, image)
        style.settle(figure)
    return figure


def _measures(classes: int) -> tuple[float, float]:
    """The side of a cell in inches, and the size of its names in points."""
    if classes <= 12:
        return (0.6 if classes <= 6 else 0.38), 8.0
    if classes <= _NUMBERED:
        return 0.27, 7.0
    return (0.16, 6.5) if classes <= 50 else (0.115, 5.6)


def _scale(figure: Figure, axes: Axes, image: AxesImage) -> None:
    bar = figure.colorbar(image, ax=axes, shrink=0.4, aspect=30, pad=0.01)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    bar.set_label("Share of the true class's images")
    bar.outline.set_edgecolor(style.GREY)


def _numbers(axes: Axes, chart: MatrixChart, strengths: np.ndarray, size: float) -> None:
    """Write the nonzero counts, light on dark."""
    for (row, column), count in np.ndenumerate(chart.counts):
        if count:
            dark = strengths[row, column] > 0.4
            text = f"{count:,}" if count < 10_000 else f"{count / 1000:.0f}k"
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=size - 1.2 if len(text) < 4 else size - 2.4,
                color="white" if dark else style.BLACK,
            )


def _groups(axes: Axes, chart: MatrixChart, size: float) -> None:
    """Draw lines between superclasses, a frame around each, and its name on the right."""
    if not chart.groups:
        return
    for _, first, count in chart.groups:
        edge = first - 0.5
        if first:
            axes.axhline(edge, color="#BBBBBB", linewidth=0.5)
            axes.axvline(edge, color="#BBBBBB", linewidth=0.5)
        frame = Rectangle((edge, edge), count, count, fill=False, linewidth=0.8)
        frame.set_edgecolor(style.RED)
        frame.set_zorder(3)
        axes.add_patch(frame)
    right = axes.secondary_yaxis("right")
    right.set_yticks(
        [first + (count - 1) / 2 for _, first, count in chart.groups],
        [name for name, _, _ in chart.groups],
        fontsize=size,
    )
    right.tick_params(length=0, pad=2)
    right.spines[:].set_visible(False)

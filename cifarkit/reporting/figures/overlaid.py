"""Draws one curve per trial in the same panel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cifarkit.reporting.figures import style

_STYLES = tuple(product(("-", "--", ":"), style.CYCLE))


def draw(title: str, lines: Sequence[tuple[str, Sequence[int], Sequence[float]]]) -> Figure:
    """Draw validation accuracy by epoch, with the legend below.

    Args:
        lines: Label, epochs and values of each.
    """
    rows = -(-len(lines) // 2)
    with style.look():
        figure = style.new_figure(3.6 + 0.17 * rows, title, "")
        axes = figure.add_subplot()
        for number, (label, epochs, values) in enumerate(lines):
            dashes, colour = _STYLES[number % len(_STYLES)]
            marker = "." if len(epochs) == 1 else None
            axes.plot(
                epochs, values, dashes, color=colour, linewidth=1.2, marker=marker, label=label
            )
        axes.set_xlabel("Epoch")
        axes.set_ylabel("Validation accuracy")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid()
        style.plain_numbers(axes, "y")
        figure.legend(loc="outside lower left", ncols=2, fontsize=7)
        style.settle(figure)
    return figure

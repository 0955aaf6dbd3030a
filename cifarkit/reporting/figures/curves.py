"""Draws training curves: accuracy and loss of every arm side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.data import ArmCurves, Curve, CurvesChart

_PARTS = (("accuracy", "Accuracy"), ("loss", "Loss"))
_TRAINING, _VALIDATION = "training, running mean", "validation"
_KEPT, _STOPPED = "kept epoch", "stopped"


def draw(chart: CurvesChart) -> Figure:
    """Draw one row of panels per arm (two arms per row if there are many), on common scales.

    Training is blue, validation orange, the kept epoch a vertical line with a dot; a cross is where
    patience ended the training.
    """
    across = 1 if len(chart.arms) <= 3 else 2
    down = -(-len(chart.arms) // across)
    with style.look():
        figure = style.new_figure(1.1 + (2.1 if across == 1 else 1.7) * down, chart.title, "")
        panels = figure.subplots(down, 2 * across, squeeze=False)
        for axes in panels.flat[2 * len(chart.arms) :]:
            axes.set_axis_off()
        used = [(panels.flat[2 * i], panels.flat[2 * i + 1]) for i in range(len(chart.arms))]
        for (left, right), arm in zip(used, chart.arms, strict=True):
            for axes, (name, heading) in zip((left, right), _PARTS, strict=True):
                _panel(axes, arm, name)
                axes.set_ylabel(heading, fontsize=8)
            left.set_title(arm.label, loc="left", fontsize=8.5)
        for pair in used[-across:]:
            for axes in pair:
                axes.set_xlabel("Epoch", fontsize=8)
        _common_scale([left for left, _ in used])
        _common_scale([right for _, right in used])
        figure.legend(handles=_handles(), loc="outside lower right", ncols=4, fontsize=8)
        style.settle(figure)
    return figure


def _panel(axes: Axes, arm: ArmCurves, name: str) -> None:
    for curve in arm.curves:
        training: tuple[float, ...] = getattr(curve, name)
        validation: tuple[float, ...] = getattr(curve, f"validation_{name}")
        # A single epoch needs a marker: a line of one point is invisible.
        marker = "." if len(curve.epochs) == 1 else None
        line: dict[str, Any] = {"linewidth": 1.2, "marker": marker}
        axes.plot(curve.epochs, training, color=style.BLUE, label=_TRAINING, **line)
        axes.plot(curve.epochs, validation, color=style.ORANGE, label=_VALIDATION, **line)
        _mark_best(axes, curve, validation)
        if curve.stopped_early:
            at_end: dict[str, Any] = {"color": style.BLACK, "markersize": 5, "label": _STOPPED}
            axes.plot(curve.epochs[-1:], validation[-1:], "x", **at_end)
    axes.grid()
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    style.plain_numbers(axes, "y")


def _mark_best(axes: Axes, curve: Curve, values: Sequence[float]) -> None:
    if curve.best_epoch in curve.epochs:
        at = curve.epochs.index(curve.best_epoch)
        axes.axvline(curve.best_epoch, color=style.GREY, linewidth=0.7, linestyle=":", label=_KEPT)
        dot: dict[str, Any] = {"color": style.BLACK, "markersize": 3.5, "label": _KEPT}
        axes.plot([curve.best_epoch], [values[at]], "o", **dot)


def _common_scale(panels: Sequence[Axes]) -> None:
    """Use the same vertical range in every panel."""
    limits = [axes.get_ylim() for axes in panels]
    for axes in panels:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=style.BLUE, label=_TRAINING),
        Line2D([], [], color=style.ORANGE, label=_VALIDATION),
        Line2D(
            [],
            [],
            color=style.GREY,
            linestyle=":",
            linewidth=0.8,
            marker="o",
            markersize=3.5,
            markerfacecolor=style.BLACK,
            markeredgecolor=style.BLACK,
            label=_KEPT,
        ),
        Line2D([], [], color=style.BLACK, linestyle="", marker="x", markersize=5, label=_STOPPED),
    ]

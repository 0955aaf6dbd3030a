"""Draws training curves: accuracy and loss, of all arms together or of each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.data import ArmCurves, Curve, CurvesChart
from cifarkit.text import shortened

_PARTS = (("accuracy", "Accuracy"), ("loss", "Loss"))
_TRAINING, _VALIDATION = "training, running mean", "validation"
_KEPT, _STOPPED = "kept epoch", "stopped"
_LINES = ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5)))
_MARKS = ("o", "s", "^", "D", "v")
_FOOTNOTE = (
    "Strong lines: validation, with a mark at the kept epoch. Thin lines: training, the running "
    "mean within each epoch."
)
_CROSSES = " Crosses: early stopping ended the training."


def draw(chart: CurvesChart) -> Figure:
    """Draw the arms as arranged, on common scales.

    Together, arms differ in colour, line and mark. By themselves, training is blue and dashed,
    validation orange, the kept epoch a vertical line with a dot; a cross is where patience ended
    the training.
    """
    with style.look():
        figure = _overlaid(chart) if chart.arrangement == "overlaid" else _apart(chart)
        style.settle(figure)
    return figure


def _overlaid(chart: CurvesChart) -> Figure:
    ended = any(curve.stopped_early for arm in chart.arms for curve in arm.curves)
    longest = max(len(arm.label) for arm in chart.arms)
    across = 5 if longest < 12 else 3 if longest < 24 else 2
    lines = -(-len(chart.arms) // across)
    figure = style.new_figure(3.3 + 0.2 * lines, chart.title, _FOOTNOTE + _CROSSES * ended)
    grid = figure.add_gridspec(2, 2, height_ratios=(0.2 * lines, 2.5))
    key = figure.add_subplot(grid[0, :])
    panels = [figure.add_subplot(grid[1, side]) for side in range(2)]
    handles = []
    for number, arm in enumerate(chart.arms):
        line: dict[str, Any] = {"color": style.CYCLE[number], "linestyle": _LINES[number]}
        for axes, (name, _) in zip(panels, _PARTS, strict=True):
            for curve in arm.curves:
                _arm(axes, arm.label, curve, name, line, _MARKS[number])
        handles.append(
            Line2D([], [], marker=_MARKS[number], markersize=4.5, label=arm.label, **line)
        )
    for axes, (_, heading) in zip(panels, _PARTS, strict=True):
        _finish(axes)
        axes.set_ylabel(heading, fontsize=8)
        axes.set_xlabel("Epoch", fontsize=8)
    key.set_axis_off()
    look = {"fontsize": 8, "handlelength": 3.5, "borderpad": 0, "borderaxespad": 0}
    key.legend(handles=handles, loc="center left", ncols=across, **look)
    return figure


def _arm(axes: Axes, label: str, curve: Curve, name: str, look: dict[str, Any], mark: str) -> None:
    """One trial among others: validation strong, training thin."""
    training: tuple[float, ...] = getattr(curve, name)
    validation: tuple[float, ...] = getattr(curve, f"validation_{name}")
    # A single epoch needs a marker: a line of one point is invisible.
    point = "." if len(curve.epochs) == 1 else None
    for part, values, strength in (("training", training, 0.6), ("validation", validation, 1.6)):
        (line,) = axes.plot(
            curve.epochs, values, linewidth=strength, marker=point, label=label, **look
        )
        _tell(line, label, f"{part} {name}", curve.epochs[-1], values[-1])
    at_mark: dict[str, Any] = {"color": look["color"], "label": label, "linestyle": "none"}
    if curve.best_epoch in curve.epochs:
        value = validation[curve.epochs.index(curve.best_epoch)]
        (dot,) = axes.plot([curve.best_epoch], [value], marker=mark, markersize=5, **at_mark)
        _tell(dot, label, f"validation {name}, kept", curve.best_epoch, value)
    if curve.stopped_early:
        (cross,) = axes.plot(curve.epochs[-1:], validation[-1:], marker="x", **at_mark)
        _tell(cross, label, f"validation {name}, stopped", curve.epochs[-1], validation[-1])


def _tell(mark: Line2D, label: str, what: str, epoch: int, value: float) -> None:
    style.set_tip(mark, f"{label}: {what} {value:.4g} at epoch {epoch}")


def _apart(chart: CurvesChart) -> Figure:
    """A pair of panels per arm: next to each other, or below each other in a column per arm."""
    arms = len(chart.arms)
    if chart.arrangement == "columns":
        figure = style.new_figure(4.6, chart.title, "")
        panels = figure.subplots(2, arms, squeeze=False, sharex=True)
        used = [(panels[0, number], panels[1, number]) for number in range(arms)]
        bottom = list(panels[1])
        leftmost = list(panels[:, 0])
    else:
        across = 1 if arms <= 3 else 2
        down = -(-arms // across)
        height = {1: 2.1, 2: 1.7}[across] if down <= 4 else 1.25
        figure = style.new_figure(1.1 + height * down, chart.title, "")
        panels = figure.subplots(down, 2 * across, squeeze=False)
        for axes in panels.flat[2 * arms :]:
            axes.set_axis_off()
        used = [(panels.flat[2 * i], panels.flat[2 * i + 1]) for i in range(arms)]
        bottom = [axes for pair in used[-across:] for axes in pair]
        leftmost = [axes for pair in used for axes in pair]
    for pair, arm in zip(used, chart.arms, strict=True):
        for axes, (name, heading) in zip(pair, _PARTS, strict=True):
            _panel(axes, arm, name)
            if axes in leftmost:
                axes.set_ylabel(heading, fontsize=8)
        label = shortened(arm.label, 90 // arms) if chart.arrangement == "columns" else arm.label
        pair[0].set_title(label, loc="left", fontsize=8.5)
    for axes in bottom:
        axes.set_xlabel("Epoch", fontsize=8)
    for number in range(2):
        _common_scale([pair[number] for pair in used])
    figure.legend(handles=_handles(chart), loc="outside lower right", ncols=4, fontsize=8)
    return figure


def _panel(axes: Axes, arm: ArmCurves, name: str) -> None:
    for curve in arm.curves:
        training: tuple[float, ...] = getattr(curve, name)
        validation: tuple[float, ...] = getattr(curve, f"validation_{name}")
        look: dict[str, Any] = {"linewidth": 1.2, "marker": "." if len(curve.epochs) == 1 else None}
        last = curve.epochs[-1]
        (line,) = axes.plot(curve.epochs, training, "--", color=style.BLUE, label=_TRAINING, **look)
        _tell(line, arm.label, f"training {name}", last, training[-1])
        (line,) = axes.plot(curve.epochs, validation, color=style.ORANGE, label=_VALIDATION, **look)
        _tell(line, arm.label, f"validation {name}", last, validation[-1])
        if curve.best_epoch in curve.epochs:
            _mark_best(axes, arm.label, curve, name, validation)
        if curve.stopped_early:
            at_end: dict[str, Any] = {"color": style.BLACK, "markersize": 5, "label": _STOPPED}
            (cross,) = axes.plot(curve.epochs[-1:], validation[-1:], "x", **at_end)
            _tell(cross, arm.label, f"validation {name}, stopped", last, validation[-1])
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.grid()
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    style.plain_numbers(axes, "y")


def _mark_best(axes: Axes, label: str, curve: Curve, name: str, values: Sequence[float]) -> None:
    assert curve.best_epoch is not None
    value = values[curve.epochs.index(curve.best_epoch)]
    thin: dict[str, Any] = {"color": style.GREY, "linewidth": 0.7, "linestyle": ":"}
    line = axes.axvline(curve.best_epoch, label=_KEPT, **thin)
    style.set_tip(line, f"{label}: kept epoch {curve.best_epoch}")
    look: dict[str, Any] = {"color": style.BLACK, "markersize": 3.5, "label": _KEPT}
    (dot,) = axes.plot([curve.best_epoch], [value], "o", **look)
    _tell(dot, label, f"validation {name}, kept", curve.best_epoch, value)


def _common_scale(panels: Sequence[Axes]) -> None:
    """Use the same vertical range in every panel."""
    limits = [axes.get_ylim() for axes in panels]
    for axes in panels:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _handles(chart: CurvesChart) -> list[Line2D]:
    curves = [curve for arm in chart.arms for curve in arm.curves]
    handles = [
        Line2D([], [], color=style.BLUE, linestyle="--", label=_TRAINING),
        Line2D([], [], color=style.ORANGE, label=_VALIDATION),
    ]
    if any(curve.best_epoch in curve.epochs for curve in curves):
        dot: dict[str, Any] = {"marker": "o", "markersize": 3.5, "color": style.GREY}
        black: dict[str, Any] = {"markerfacecolor": style.BLACK, "markeredgecolor": style.BLACK}
        handles.append(Line2D([], [], linestyle=":", linewidth=0.8, label=_KEPT, **dot, **black))
    if any(curve.stopped_early for curve in curves):
        cross: dict[str, Any] = {"linestyle": "", "marker": "x", "markersize": 5}
        handles.append(Line2D([], [], color=style.BLACK, label=_STOPPED, **cross))
    return handles

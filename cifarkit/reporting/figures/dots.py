"""Draws dots with intervals in panels that share their rows; the values stand right of each."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

from cifarkit.reporting.figures import style
from cifarkit.reporting.figures.dot_chart import Dot, DotChart, Panel, Row

_ROW = 0.22
"""Height of a row, in inches."""
_FONT = 7.5


def draw(chart: DotChart) -> Figure:
    """Draw the chart; its height grows with the number of rows."""
    places, headings = _places(chart.rows)
    lines = len(places) + len(headings)
    ratios = [2.2 if at == 0 else 1.0 for at in range(len(chart.panels))]
    with style.look():
        figure = style.new_figure(1.5 + _ROW * lines, chart.title, chart.footnote)
        panels = figure.subplots(
            1, len(chart.panels), sharey=True, squeeze=False, width_ratios=ratios
        )[0]
        for number, (axes, panel) in enumerate(zip(panels, chart.panels, strict=True)):
            _panel(axes, panel, places, number, chart.rows)
        first = panels[0]
        first.set_ylim(lines - 0.4, -0.6)
        ticks = sorted([*zip(places, [row.label for row in chart.rows], strict=True), *headings])
        first.set_yticks([at for at, _ in ticks], [text for _, text in ticks], fontsize=8)
        bold = {at for at, _ in headings}
        for (at, _), label in zip(ticks, first.get_yticklabels(), strict=True):
            label.set_weight("bold" if at in bold else "normal")
        style.settle(figure)
    return figure


def _places(rows: tuple[Row, ...]) -> tuple[list[int], list[tuple[int, str]]]:
    """The line of each row, and the lines of the groups' names above their rows."""
    places: list[int] = []
    headings: list[tuple[int, str]] = []
    line, group = 0, ""
    for row in rows:
        if row.group != group:
            headings.append((line, row.group))
            line, group = line + 1, row.group
        places.append(line)
        line += 1
    return places, headings


def _panel(axes: Axes, panel: Panel, places: list[int], number: int, rows: tuple[Row, ...]) -> None:
    if panel.log:
        axes.set_xscale("log")
        axes.margins(x=0.1)
    for row, (place, dot) in enumerate(zip(places, panel.dots, strict=True)):
        _mark(axes, dot, place, number, _said(rows[row], panel, dot))
    if panel.log:
        axes.xaxis.set_major_locator(FixedLocator(_ends(*axes.get_xlim())))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5 if number == 0 else 2))
        if number:
            axes.set_xlim(
                0, 1.08 * max((v for dot in panel.dots for v in dot.drawn), default=1) or 1
            )
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=_FONT)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(panel.axis + (",\nlogarithmic" if panel.log else ""), fontsize=8)
    axes.grid()
    style.plain_numbers(axes, "x")


def _ends(low: float, high: float) -> list[float]:
    """The first and the last round number of a logarithmic axis; more would collide."""
    round_numbers = LogLocator(subs=(1, 2, 5)).tick_values(low, high)
    inside = [value for value in round_numbers if low <= value <= high]
    return [inside[0], inside[-1]]


def _said(row: Row, panel: Panel, dot: Dot) -> str:
    """The row, what is drawn of it, and its value, for a tooltip."""
    span = f", 95% interval {dot.low:.3f} to {dot.high:.3f}" if dot.low is not None else ""
    theirs = "" if dot.published is None else f"; published: {dot.published:,g}"
    quantity = panel.axis.replace("\n", " ").lower()
    return f"{row.group} {row.label}: {quantity} {dot.text}{span}{theirs}".strip()


def _mark(axes: Axes, dot: Dot, place: int, panel: int, said: str) -> None:
    if dot.published is not None:
        ring: dict[str, Any] = {"markerfacecolor": "none", "color": style.BLACK, "clip_on": False}
        shape = "o" if panel == 0 else "D"
        (hollow,) = axes.plot([dot.published], [place], shape, markersize=7, **ring)
        style.set_tip(hollow, said)
    if dot.value is None:
        if dot.text:
            _text(axes, dot.text, 0.02, place, style="italic", color=style.GREY)
        return
    if dot.low is not None and dot.high is not None:
        axes.plot([dot.low, dot.high], [place, place], "|-", color=style.BLUE, markersize=6)
    (mark,) = axes.plot(
        [dot.value],
        [place],
        "o" if panel == 0 else "D",
        color=style.BLUE if panel == 0 else style.GREY,
        markersize=4.5 if panel == 0 else 4,
        clip_on=False,
    )
    style.set_tip(mark, said)
    _text(axes, dot.text, 1.05, place)


def _text(axes: Axes, text: str, across: float, place: int, **look: str) -> None:
    """Write at a fraction of the panel's width, in a row."""
    axes.text(
        across,
        place,
        text,
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=_FONT,
        **look,  # type: ignore[arg-type]
    )

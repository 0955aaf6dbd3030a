"""The list of a study's figures; nothing is drawn here, and matplotlib is not imported."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cifarkit.reporting.document_model import Figure
from cifarkit.reporting.figures import data, histories, series
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table_columns import Measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_AXES = {
    "Memory (MB)": ("memory", "Memory, estimated (MB)"),
    "Parameters": ("parameters", "Parameters"),
    "Trainable parameters": ("trainable", "Trainable parameters"),
    "Time (s)": ("time", "Training time (s)"),
    "Epochs": ("epochs", "Epochs trained"),
    "Accuracy": ("accuracy", "Test accuracy, with 95% interval"),
}
"""By quantity, the figure's name and axis label."""


def figures(view: StudyView) -> list[Figure]:
    """The study's figures, in the order in which they are shown; none if nothing finished."""
    made = _charts(view) if view.axes and view.anything_done else []
    title = f"{view.title}: training curves"
    pages = histories.curves_charts(view, title)
    for number, chart in enumerate(pages, start=1):
        name = f"{view.name}-curves" + (f"-{number}" if len(pages) > 1 else "")
        made.append(Figure(name, chart.title, partial(_curves, chart)))
    return made


def _charts(view: StudyView) -> list[Figure]:
    made = [_one(view, measure) for measure in view.measures if measure.heading in _AXES]
    if view.layout.tradeoff:
        title = f"{view.title}: accuracy against training time"
        chart = data.bubble_chart(title, view.results)
        made.append(Figure(f"{view.name}-tradeoff", title, partial(_bubble, chart)))
    return made


def _one(view: StudyView, measure: Measure) -> Figure:
    """The chart of one quantity, in the form that the study's layout asks for."""
    found = view.results
    label, axis = _AXES[measure.heading]
    name, title = f"{view.name}-{label}", f"{view.title}: {axis[0].lower()}{axis[1:]}"
    if view.layout.pivoted:
        grouped = series.grouped_chart(title, found, measure, axis)
        return Figure(name, title, partial(_groups, grouped))
    if view.layout.lines and series.is_numeric(found, view.axes[0]):
        line = series.line_chart(title, found, measure, view.axes, axis)
        return Figure(name, title, partial(_lines, line))
    bars = data.bar_chart(title, found, measure, axis)
    return Figure(name, title, partial(_bars, bars))


def _bars(chart: data.BarChart) -> Canvas:
    from cifarkit.reporting.figures.bars import draw

    return draw(chart)


def _bubble(chart: data.BubbleChart) -> Canvas:
    from cifarkit.reporting.figures.bubble import draw

    return draw(chart)


def _groups(chart: series.GroupedChart) -> Canvas:
    from cifarkit.reporting.figures.groups import draw

    return draw(chart)


def _lines(chart: series.LineChart) -> Canvas:
    from cifarkit.reporting.figures.lines import draw

    return draw(chart)


def _curves(chart: histories.CurvesChart) -> Canvas:
    from cifarkit.reporting.figures.curves import draw

    return draw(chart)

"""Which figures a kind of study has. Nothing is drawn here, and matplotlib is not imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cifarkit.report import table_columns
from cifarkit.report.arm_results import ArmResult, outcomes
from cifarkit.report.document_model import Figure
from cifarkit.report.figures import data, histories, series
from cifarkit.report.table_columns import Measure
from cifarkit.store.records import StudyRecord, TrialRecord
from cifarkit.text import plain

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
"""What the figure of each quantity is called, and its axis."""


def figures(study: StudyRecord, records: Mapping[str, TrialRecord]) -> list[Figure]:
    """The study's figures, in the order in which they are shown; none if nothing finished."""
    found = outcomes(study, records)
    comparable = study.axes and any(outcome.done for outcome in found)
    made = _charts(study, found) if comparable else []
    title = f"{plain(study.title)}: training curves"
    pages = histories.curves_charts(study, records, title)
    for number, chart in enumerate(pages, start=1):
        name = f"{study.name}-curves" + (f"-{number}" if len(pages) > 1 else "")
        made.append(Figure(name, chart.title, partial(_curves, chart)))
    return made


def _charts(study: StudyRecord, found: Sequence[ArmResult]) -> list[Figure]:
    decimals = table_columns.test_decimals(found)
    quantities = table_columns.of_kind(study.kind, study.axes, decimals)
    made = [_one(study, found, measure) for measure in quantities if measure.heading in _AXES]
    if study.kind == "zoo":
        title = f"{plain(study.title)}: accuracy against training time"
        chart = data.bubble_chart(title, found)
        made.append(Figure(f"{study.name}-tradeoff", title, partial(_bubble, chart)))
    return made


def _one(study: StudyRecord, found: Sequence[ArmResult], measure: Measure) -> Figure:
    """The chart of one quantity, in the form that the study's axes call for."""
    label, axis = _AXES[measure.heading]
    name, title = f"{study.name}-{label}", f"{plain(study.title)}: {axis[0].lower()}{axis[1:]}"
    if study.kind == "resize" and set(study.axes) == {"model", "image_size"}:
        grouped = series.grouped_chart(title, found, measure, axis)
        return Figure(name, title, partial(_groups, grouped))
    if study.kind == "sweep" and study.axes and series.is_numeric(found, study.axes[0]):
        line = series.line_chart(title, found, measure, study.axes, axis)
        return Figure(name, title, partial(_lines, line))
    bars = data.bar_chart(title, found, measure, axis)
    return Figure(name, title, partial(_bars, bars))


def _bars(chart: data.BarChart) -> Canvas:
    from cifarkit.report.figures.bars import draw

    return draw(chart)


def _bubble(chart: data.BubbleChart) -> Canvas:
    from cifarkit.report.figures.bubble import draw

    return draw(chart)


def _groups(chart: series.GroupedChart) -> Canvas:
    from cifarkit.report.figures.groups import draw

    return draw(chart)


def _lines(chart: series.LineChart) -> Canvas:
    from cifarkit.report.figures.lines import draw

    return draw(chart)


def _curves(chart: histories.CurvesChart) -> Canvas:
    from cifarkit.report.figures.curves import draw

    return draw(chart)

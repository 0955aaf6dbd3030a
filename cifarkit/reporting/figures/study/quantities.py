"""A figure per measured quantity: bars, grouped bars, or lines along a numeric setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cifarkit.reporting.arm_accuracy import interval_subject
from cifarkit.reporting.figures.data import BarChart, bar_chart
from cifarkit.reporting.figures.series import (
    GroupedChart,
    LineChart,
    grouped_chart,
    is_numeric,
    line_chart,
)
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table_columns import Measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

Chart = BarChart | GroupedChart | LineChart

_AXES = {
    "Memory (MB)": ("memory", "Memory, estimated (MB)"),
    "Parameters": ("parameters", "Parameters"),
    "Trainable parameters": ("trainable", "Trainable parameters"),
    "Time (s)": ("time", "Training time (s)"),
    "Epochs": ("epochs", "Epochs trained"),
    "Accuracy": ("accuracy", "Test accuracy, with 95% interval"),
}
"""By the quantity's heading, the figure's name and axis label."""


class Quantities:
    """The quantities of the main table, for studies along at least one axis."""

    def data(self, view: StudyView) -> Mapping[str, Chart]:
        if not view.axes or not view.anything_done:
            return {}
        drawn = {_AXES[m.heading]: m for m in view.measures if m.heading in _AXES}
        return {name: _chart(view, measure, axis) for (name, axis), measure in drawn.items()}

    def draw(self, chart: Chart) -> Canvas:
        from cifarkit.reporting.figures import bars, groups, lines

        match chart:
            case GroupedChart():
                return groups.draw(chart)
            case LineChart():
                return lines.draw(chart)
            case BarChart():
                return bars.draw(chart)


def _chart(view: StudyView, measure: Measure, axis: str) -> Chart:
    title = f"{view.title}: {axis[0].lower()}{axis[1:]}"
    if measure.published == "accuracy":
        title += f" of {interval_subject(view.results)}"
    if view.layout.pivoted:
        return grouped_chart(title, view.results, measure, axis)
    if view.layout.lines and is_numeric(view.results, view.axes[0]):
        return line_chart(title, view.results, measure, view.axes, axis)
    return bar_chart(title, view.results, measure, axis)


FIGURE = Quantities()

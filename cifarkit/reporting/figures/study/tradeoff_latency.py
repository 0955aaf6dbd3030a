"""Test accuracy against measured latency at inference, with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cifarkit.reporting.figures.data import BubbleChart
from cifarkit.reporting.figures.latency import charts
from cifarkit.reporting.study_view import StudyView

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


class Latency:
    def data(self, view: StudyView) -> Mapping[str, BubbleChart]:
        return charts(view)

    def draw(self, chart: BubbleChart) -> Canvas:
        from cifarkit.reporting.figures.bubble import draw

        return draw(chart)


FIGURE = Latency()
"""Draws what `cifarkit bench` measured."""

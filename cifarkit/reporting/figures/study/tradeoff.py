"""Test accuracy against training time, for studies that compare networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cifarkit.reporting.figures.data import BubbleChart, bubble_chart
from cifarkit.reporting.study_view import StudyView

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


class Tradeoff:
    def data(self, view: StudyView) -> Mapping[str, BubbleChart]:
        if view.axes != ("model",) or not view.anything_done or view.letters:
            return {}  # times of unlike hardware do not compare
        title = f"{view.title}: accuracy against training time"
        return {"tradeoff": bubble_chart(title, view.results)}

    def draw(self, chart: BubbleChart) -> Canvas:
        from cifarkit.reporting.figures.bubble import draw

        return draw(chart)


FIGURE = Tradeoff()

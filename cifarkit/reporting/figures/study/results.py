"""What each setting reaches and costs: dots with intervals, cost in neighbouring panels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cifarkit.reporting.figures.dot_chart import DotChart, dot_chart
from cifarkit.reporting.study_view import StudyView

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


class Results:
    """Test accuracy and cost, for studies along at least one axis."""

    def data(self, view: StudyView) -> Mapping[str, DotChart]:
        return {"results": dot_chart(view)} if view.axes and view.anything_done else {}

    def draw(self, chart: DotChart) -> Canvas:
        from cifarkit.reporting.figures.dots import draw

        return draw(chart)


FIGURE = Results()

"""Training curves: accuracy and loss over the epochs of every trial with a history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cifarkit.reporting.figures.data import LONGEST_NAME, ArmCurves, Curve, CurvesChart
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import TrialRecord
from cifarkit.text import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PER_FIGURE = 8
"""The most arms that fit one page."""


class TrainingCurves:
    """The arms with a history, as many per figure as fit a page."""

    def data(self, view: StudyView) -> Mapping[str, CurvesChart]:
        title, arms = f"{view.title}: training curves", []
        for result in view.results:
            trials = [view.records[t] for t in result.arm.trials if t in view.records]
            curves = tuple(_curve(trial) for trial in trials if trial.history)
            if curves:
                arms.append(ArmCurves(shortened(result.name, LONGEST_NAME), curves))
        pages = _even_pages(arms)
        if len(pages) == 1:
            return {"curves": CurvesChart(title, pages[0])}
        return {
            f"curves-{number}": CurvesChart(f"{title} ({number} of {len(pages)})", page)
            for number, page in enumerate(pages, start=1)
        }

    def draw(self, chart: CurvesChart) -> Canvas:
        from cifarkit.reporting.figures.curves import draw

        return draw(chart)


def _even_pages(arms: Sequence[ArmCurves]) -> list[tuple[ArmCurves, ...]]:
    count = -(-len(arms) // PER_FIGURE)
    size = -(-len(arms) // count) if count else 1
    return [tuple(arms[start : start + size]) for start in range(0, len(arms), size)]


def _curve(trial: TrialRecord) -> Curve:
    rows = trial.history
    result = trial.result if trial.complete else None

    def column(name: str) -> tuple[float, ...]:
        return tuple(float(row.get(name, float("nan"))) for row in rows)

    return Curve(
        epochs=tuple(int(row["epoch"]) for row in rows),
        accuracy=column("accuracy"),
        validation_accuracy=column("validation_accuracy"),
        loss=column("loss"),
        validation_loss=column("validation_loss"),
        best_epoch=result.best_epoch if result else None,
        stopped_early=bool(result and result.stopped_early),
    )


FIGURE = TrainingCurves()

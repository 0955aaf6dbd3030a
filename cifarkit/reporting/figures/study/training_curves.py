"""Training curves: accuracy and loss over the epochs of every trial with a history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.figures.data import LONGEST_NAME, ArmCurves, Arrangement, Curve, CurvesChart
from cifarkit.reporting.study_tables import axis_heading, row_name
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import TrialRecord
from cifarkit.text import counted, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

MOST_TOGETHER = 5
"""The most arms whose curves can be told apart in one pair of panels, or fit side by side."""
PER_FIGURE = 14
"""The most arms whose panels fit one page."""
_NAMED = 6


class TrainingCurves:
    """The arms with a history: overlaid, or of many as many per figure as fit a page."""

    def data(self, view: StudyView) -> Mapping[str, CurvesChart]:
        title, arms = f"{view.title}: training curves", []
        for result in view.results:
            trials = [view.records[t] for t in result.arm.trials if t in view.records]
            curves = tuple(_curve(trial) for trial in trials if trial.history)
            if curves:
                arms.append(ArmCurves(_label(view, result), curves))
        if 1 < len(arms) <= MOST_TOGETHER:
            how: Arrangement = "columns" if view.axes == ("optimizer",) else "overlaid"
            return {"curves": CurvesChart(title, tuple(arms), how, _in_words(title, arms))}
        pages = _even_pages(arms)
        charts = {}
        for number, page in enumerate(pages, start=1):
            shown = title if len(pages) == 1 else f"{title} ({number} of {len(pages)})"
            name = "curves" if len(pages) == 1 else f"curves-{number}"
            charts[name] = CurvesChart(shown, page, "grid", _in_words(shown, page))
        return charts

    def draw(self, chart: CurvesChart) -> Canvas:
        from cifarkit.reporting.figures.curves import draw

        return draw(chart)


def _even_pages(arms: Sequence[ArmCurves]) -> list[tuple[ArmCurves, ...]]:
    count = -(-len(arms) // PER_FIGURE)
    size = -(-len(arms) // count) if count else 1
    return [tuple(arms[start : start + size]) for start in range(0, len(arms), size)]


def _label(view: StudyView, result: ArmResult) -> str:
    name = row_name(view, result)
    if len(view.axes) == 1 and view.layout.names_axis:
        name = f"{axis_heading(view.axes[0]).lower()} {name}"
    return shortened(name, LONGEST_NAME)


def _in_words(title: str, arms: Sequence[ArmCurves]) -> str:
    """Where each arm's validation accuracy came to: of several seeds, of the first."""
    said = []
    for arm in arms[:_NAMED]:
        curve = arm.curves[0]
        epoch = curve.best_epoch if curve.best_epoch in curve.epochs else curve.epochs[-1]
        reached = curve.validation_accuracy[curve.epochs.index(epoch)]
        kept = "kept epoch" if epoch == curve.best_epoch else "last epoch"
        said.append(f"{arm.label} {reached:.3f} at its {kept} {epoch} of {curve.epochs[-1]}")
    more = f"; {counted(len(arms) - _NAMED, 'more row')}" if len(arms) > _NAMED else ""
    return f"{title}, accuracy and loss by epoch. Validation accuracy: {'; '.join(said)}{more}"


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

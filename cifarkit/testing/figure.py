"""The contract of a figure."""

from __future__ import annotations

import sys
from typing import Any

from cifarkit.reporting.figures.study_figures import StudyFigure, checked
from cifarkit.reporting.study_view import StudyView
from cifarkit.testing.expect import expect
from cifarkit.testing.study import study_view

_STUDIES = (
    (), ("model",), ("image_size", "model"), ("unfreeze",), ("learning_rate", "batch_size"),
)  # fmt: skip


def check_figure(figure: StudyFigure[Any], *axes: str) -> None:
    """Draw made-up studies of several layouts, with a failed trial or with none that ran.

    Args:
        figure: What the entry point gives.
        axes: Of a study that the figure is for, keys of `testing.study.AXES`.

    Raises:
        AssertionError: It breaks the contract of `StudyFigure`.
        Exception: Any that the figure raises.
    """
    expect(not isinstance(figure, type), "it is a class; an instance is registered")
    charts = _data(figure, study_view(*axes))
    expect(charts, f"no figure of a study along {axes or 'no axis'}")
    expect(charts == _data(figure, study_view(*axes)), "equal studies give unequal data")
    for name, chart in charts.items():
        same = _svg(figure, name, chart) == _svg(figure, name, chart)
        expect(same, f"{name}: two drawings of the same data differ")
    for other in _STUDIES:
        for view in (study_view(*other, seeds=1), study_view(*other, finished=False)):
            for name, chart in _data(figure, view).items():
                _svg(figure, name, chart)


def _data(figure: StudyFigure[Any], view: StudyView) -> dict[str, Any]:
    charts = figure.data(view)
    try:
        return dict(checked(charts))
    except (TypeError, ValueError) as error:
        raise AssertionError(str(error)) from None


def _svg(figure: StudyFigure[Any], name: str, chart: Any) -> bytes:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from cifarkit.reporting.figures.style import look, svg

    opened = _open_figures()
    with look():
        before = dict(mpl.rcParams)
        drawn = figure.draw(chart)
        expect(dict(mpl.rcParams) == before, f"{name}: draw() changes rcParams")
    expect(isinstance(drawn, Figure), f"{name}: draw() gave {drawn!r:.80}, not a Figure")
    expect(_open_figures() == opened, f"{name}: draw() leaves a figure open in pyplot")
    return svg(drawn)


def _open_figures() -> list[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return [] if pyplot is None else pyplot.get_fignums()

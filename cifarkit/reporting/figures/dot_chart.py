"""Data of a study's results: a row per setting, test accuracy and cost in panels that share it."""

from __future__ import annotations

from dataclasses import dataclass

from cifarkit.reporting import published
from cifarkit.reporting.arm_accuracy import interval, interval_subject
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.figures.data import LONGEST_NAME, spans_decades
from cifarkit.reporting.study_tables import axis_heading, axis_text, row_name
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table_columns import Measure
from cifarkit.store.setting_words import in_sentence
from cifarkit.text import counted, listed, shortened

_COSTS = {
    "memory_mb": "Memory,\nestimated (MB)",
    "total_params": "Parameters",
    "trainable_params": "Trainable\nparameters",
    "time_s": "Training\ntime (s)",
    "epochs": "Epochs\ntrained",
}
"""The drawn quantities by their names in the published tables, with their axis labels."""


@dataclass(frozen=True)
class Row:
    """A setting; `group` is what stands above neighbouring rows that share it, or empty."""

    label: str
    group: str = ""


@dataclass(frozen=True)
class Dot:
    """A value as in the table; `low` and `high` are its 95% interval, if it has one.

    Attributes:
        value: None where there is none; `text` is the reason then, or empty.
        published: The published study's value, where the document compares with it.
    """

    value: float | None
    text: str
    low: float | None = None
    high: float | None = None
    published: float | None = None

    @property
    def drawn(self) -> list[float]:
        """The values that its panel has room for."""
        return [v for v in (self.value, self.published) if v is not None]


@dataclass(frozen=True)
class Panel:
    """A quantity of every row; `log` if its values span more than a factor of ten."""

    axis: str
    dots: tuple[Dot, ...]
    log: bool = False


@dataclass(frozen=True)
class DotChart:
    """Accuracy in the first panel, what differs in cost in those to its right.

    Attributes:
        footnote: What is the same in every row.
        alt: The rows, the highest and the lowest accuracy.
    """

    title: str
    rows: tuple[Row, ...]
    panels: tuple[Panel, ...]
    footnote: str
    alt: str = ""


def dot_chart(view: StudyView) -> DotChart:
    """The results of a study along at least one axis, in the table's order."""
    found = _grouped(view)
    costs, same = [], []
    for measure in view.measures:
        unlike = measure.of_machine and bool(view.letters)
        if (axis := _COSTS.get(measure.published)) and not unlike:
            dots = tuple(_cost(view, outcome, measure) for outcome in found)
            values = [dot.value for dot in dots if dot.value is not None]
            if len(values) > 1 and len({dot.text for dot in dots if dot.value is not None}) == 1:
                text = next(dot.text for dot in dots if dot.value is not None)
                same.append(f"{in_sentence(measure.heading)} {text}")
            elif values:
                shown = [value for dot in dots for value in dot.drawn]
                costs.append(Panel(axis, dots, spans_decades(shown)))
    (accuracy,) = [m for m in view.measures if m.published == "accuracy"]
    dots = tuple(_accuracy(view, outcome, accuracy) for outcome in found)
    spans = any(dot.low is not None for dot in dots)
    of = f", with 95% interval of {interval_subject(found)}" if spans else ""
    also = f"{',' if spans else ''} and cost" if costs else ""
    title = f"{view.title}: test accuracy{of}{also}"
    rows = tuple(Row(_label(view, outcome), _group(view, outcome)) for outcome in found)
    panels = (Panel("Test accuracy", dots), *costs)
    notes = [f"The same in every row: {listed(same)}."] if same else []
    if any(dot.published is not None for panel in panels for dot in panel.dots):
        notes.append("Hollow: the published study.")
    return DotChart(title, rows, panels, " ".join(notes), _in_words(title, rows, dots))


def _in_words(title: str, rows: tuple[Row, ...], dots: tuple[Dot, ...]) -> str:
    """The title, the rows with the highest and the lowest accuracy, and how many have none."""
    named = [f"{row.group} {row.label}".strip() for row in rows]
    scored = [
        (dot.value, f"{dot.text} ({name})")
        for dot, name in zip(dots, named, strict=True)
        if dot.value is not None
    ]
    if not scored:
        return f"{title}. {counted(len(rows), 'row')}, none with a result"
    (most, highest), (least, lowest) = (f(scored, key=lambda one: one[0]) for f in (max, min))
    said = f"highest {highest}" + (f", lowest {lowest}" if least < most else "")
    if len(scored) > 1 and least == most:
        said = f"all {scored[0][1].split(' (')[0]}"
    without = len(dots) - len(scored)
    none = f"; {counted(without, 'row')} without a result" if without else ""
    return f"{title}. {counted(len(rows), 'row')}: {said}{none}"


def _grouped(view: StudyView) -> list[ArmResult]:
    """The results with those of a group together, in order of first appearance."""
    found = view.results
    if view.layout.pivoted:
        found = sorted(found, key=lambda o: int(o.arm.settings["image_size"]))
    groups = {_group(view, outcome): None for outcome in view.results}
    places = {group: at for at, group in enumerate(groups)}
    return sorted(found, key=lambda outcome: places[_group(view, outcome)])


def _inner(view: StudyView) -> str:
    """Of a study along two axes, the one along which the rows of a group differ."""
    return "image_size" if view.layout.pivoted else view.axes[-1]


def _in_groups(view: StudyView) -> bool:
    return len(view.axes) == 2 and all(
        axis in outcome.arm.settings for axis in view.axes for outcome in view.results
    )


def _group(view: StudyView, outcome: ArmResult) -> str:
    if len(view.axes) == 1 and view.layout.names_axis:
        return axis_heading(view.axes[0])
    if not _in_groups(view):
        return ""
    (outer,) = set(view.axes) - {_inner(view)}
    return shortened(_said(outer, outcome), LONGEST_NAME)


def _label(view: StudyView, outcome: ArmResult) -> str:
    name = _said(_inner(view), outcome) if _in_groups(view) else row_name(view, outcome)
    return shortened(name, LONGEST_NAME)


def _said(axis: str, outcome: ArmResult) -> str:
    text = axis_text(axis, outcome.arm.settings)
    if axis == "image_size":
        return f"{text} px"
    value = outcome.arm.settings[axis]
    named = axis == "unfreeze" or (isinstance(value, str) and axis in ("model", "optimizer"))
    return text if named else f"{axis_heading(axis)} {text}"


def _cost(view: StudyView, outcome: ArmResult, measure: Measure) -> Dot:
    cell, theirs = measure.cell(outcome), _published(view, outcome, measure)
    value, text = (cell.raw, cell.text) if isinstance(cell.raw, int | float) else (None, "")
    return Dot(value, text, published=theirs)


def _accuracy(view: StudyView, outcome: ArmResult, measure: Measure) -> Dot:
    cell, span = measure.cell(outcome), interval(outcome)
    theirs = _published(view, outcome, measure)
    if not isinstance(cell.raw, int | float):
        return Dot(None, shortened(outcome.short_reason, LONGEST_NAME), published=theirs)
    low, high = (span.low, span.high) if span else (None, None)
    return Dot(cell.raw, cell.text, low, high, theirs)


def _published(view: StudyView, outcome: ArmResult, measure: Measure) -> float | None:
    row = (published.of_arm(view, outcome) if view.compared else None) or {}
    return row.get(measure.published)

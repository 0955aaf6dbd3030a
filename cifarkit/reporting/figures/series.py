"""Data of charts along two settings or one numeric setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cifarkit.reporting.arm_results import ArmResult, model_name
from cifarkit.reporting.figures.data import LONGEST_NAME, Bar, ends, footnote
from cifarkit.reporting.study_tables import axis_heading, axis_text
from cifarkit.reporting.table_columns import Measure
from cifarkit.text import shortened


@dataclass(frozen=True)
class GroupedChart:
    """Groups (models) of bars (one per size), in the table's order; a bar's label is its series."""

    title: str
    axis: str
    series: tuple[str, ...]
    groups: tuple[tuple[str, tuple[Bar, ...]], ...]


@dataclass(frozen=True)
class Dot:
    """A measured point; `low` and `high` are its 95% interval, if it has one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class LineChart:
    """A quantity along a numeric setting; `log_x` if its values span more than five."""

    title: str
    x_axis: str
    y_axis: str
    lines: tuple[tuple[str, tuple[Dot, ...]], ...]
    ticks: tuple[tuple[float, str], ...]
    log_x: bool
    footnote: str

    @property
    def has_intervals(self) -> bool:
        return any(dot.low is not None for _, dots in self.lines for dot in dots)


def grouped_chart(
    title: str, found: Sequence[ArmResult], measure: Measure, axis: str
) -> GroupedChart:
    """One quantity of a study of models by image sizes."""
    sizes = sorted({o.arm.settings["image_size"] for o in found})
    groups: dict[str, list[Bar]] = {}
    for outcome in sorted(found, key=lambda o: int(o.arm.settings["image_size"])):
        cell = measure.cell(outcome)
        value = cell.raw if isinstance(cell.raw, int | float) else None
        text = cell.text if value is not None else shortened(outcome.short_reason, LONGEST_NAME)
        name = shortened(model_name(str(outcome.arm.settings["model"])), LONGEST_NAME)
        size = f"{outcome.arm.settings['image_size']} px"
        bar = Bar(size, value, text, *ends(outcome, measure))
        groups.setdefault(name, []).append(bar)
    order = dict.fromkeys(
        shortened(model_name(str(o.arm.settings["model"])), LONGEST_NAME) for o in found
    )
    return GroupedChart(
        title,
        axis,
        tuple(f"{size} px" for size in sizes),
        tuple((name, tuple(groups[name])) for name in order),
    )


def line_chart(
    title: str, found: Sequence[ArmResult], measure: Measure, axes: Sequence[str], y_axis: str
) -> LineChart:
    """One quantity along the first axis; one line per value of the second, if there is one."""
    lines: dict[str, list[Dot]] = {}
    ticks: dict[float, str] = {}
    for outcome in found:
        cell = measure.cell(outcome)
        x = float(outcome.arm.settings[axes[0]])
        ticks[x] = axis_text(axes[0], outcome.arm.settings)
        if not isinstance(cell.raw, int | float):
            continue
        name = ", ".join(
            f"{axis_heading(axis)} {axis_text(axis, outcome.arm.settings)}" for axis in axes[1:]
        )
        name = shortened(name, LONGEST_NAME)
        lines.setdefault(name, []).append(Dot(x, cell.raw, *ends(outcome, measure)))
    return LineChart(
        title=title,
        x_axis=axis_heading(axes[0]) if axes[0] != "unfreeze" else "Share of layers trained",
        y_axis=y_axis,
        lines=tuple((name, tuple(sorted(dots, key=lambda d: d.x))) for name, dots in lines.items()),
        ticks=tuple(sorted(ticks.items())),
        log_x=bool(ticks) and min(ticks) > 0 and max(ticks) > 5 * min(ticks),
        footnote=footnote(found),
    )


def is_numeric(found: Sequence[ArmResult], axis: str) -> bool:
    """Whether the axis can be drawn as a line: more than two numbers."""
    values = [outcome.arm.settings.get(axis) for outcome in found]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return numbers and len(set(values)) > 2

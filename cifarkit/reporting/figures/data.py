"""Data of the trade-off and of training curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from cifarkit.reporting.arm_results import ArmResult
from cifarkit.text import counted, listed, shortened

Arrangement = Literal["overlaid", "columns", "grid"]
LONGEST_NAME = 44
"""The longest label, in columns."""
_NAMED_IN_FOOTNOTE = 6


@dataclass(frozen=True)
class Bubble:
    label: str
    cost: float
    accuracy: float
    parameters: float


@dataclass(frozen=True)
class BubbleChart:
    """Accuracy against time.

    Attributes:
        log_time: If the times span more than a factor of ten.
        front: The places in `bubbles` of the Pareto front, from the fastest on: those than which
            no other is as fast and as accurate, and better in one of them.
        cost, unit: What time it is, and the unit of the bubbles' `cost`.
    """

    title: str
    bubbles: tuple[Bubble, ...]
    log_time: bool
    footnote: str
    front: tuple[int, ...] = ()
    alt: str = ""
    cost: str = "Time"
    unit: str = "s"


@dataclass(frozen=True)
class Curve:
    """One trial's epochs.

    Attributes:
        best_epoch: The one, from 1, whose weights were kept; None if it did not complete.
        stopped_early: Whether patience ended it at its last epoch.
    """

    epochs: tuple[int, ...]
    accuracy: tuple[float, ...]
    validation_accuracy: tuple[float, ...]
    loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    best_epoch: int | None
    stopped_early: bool


@dataclass(frozen=True)
class ArmCurves:
    """The curves of one arm, one per seed."""

    label: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class CurvesChart:
    """The curves of a study's arms.

    Attributes:
        arrangement: `overlaid`, all arms in one pair of panels; `columns`, an arm's panels below
            each other, beside those of the next arm; `grid`, a pair of panels per arm.
    """

    title: str
    arms: tuple[ArmCurves, ...]
    arrangement: Arrangement
    alt: str = ""


def bubble_chart(title: str, found: Sequence[ArmResult]) -> BubbleChart:
    """Test accuracy, training time and parameters of every arm that finished."""
    costs = [
        (outcome, fmean(outcome.values(lambda r: r.time.comparable_fit_seconds)))
        for outcome in found
        if outcome.done
    ]
    return bubbles_of(title, costs, notes=[footnote(found)] if footnote(found) else [])


def bubbles_of(
    title: str,
    costs: Sequence[tuple[ArmResult, float]],
    *,
    notes: Sequence[str] = (),
    cost: str = "Time",
    unit: str = "s",
    faster: str = "is faster",
) -> BubbleChart:
    """Test accuracy and parameters of some arms against what each costs.

    Args:
        costs: Arms that finished, each with its cost in `unit`.
        notes: Sentences below the chart.
        faster: What a row of lower cost does, in words.
    """
    bubbles = tuple(
        Bubble(
            label=shortened(outcome.name, LONGEST_NAME),
            cost=value,
            accuracy=fmean(outcome.values(lambda r: r.accuracy.test)),
            parameters=fmean(outcome.values(lambda r: r.parameters.total)),
        )
        for outcome, value in costs
    )
    front = _front(bubbles)
    notes = list(notes)
    alt = title
    if len(bubbles) > 1:
        notes.insert(0, f"Dark, joined by a line: no other row {faster} and is more accurate.")
        named = [f"{bubbles[n].label} ({bubbles[n].accuracy:.3f})" for n in front]
        alt += f". On the Pareto front, from the fastest on: {listed(named)}"
        if behind := len(bubbles) - len(front):
            alt += f"; {counted(behind, 'other')} behind it"
    log_time = spans_decades([b.cost for b in bubbles])
    return BubbleChart(title, bubbles, log_time, " ".join(notes), front, alt, cost, unit)


def _front(bubbles: Sequence[Bubble]) -> tuple[int, ...]:
    order = sorted(range(len(bubbles)), key=lambda n: (bubbles[n].cost, -bubbles[n].accuracy))
    front: list[int] = []
    for n in order:
        last = bubbles[front[-1]] if front else None
        equal = last and (last.cost, last.accuracy) == (bubbles[n].cost, bubbles[n].accuracy)
        if last is None or bubbles[n].accuracy > last.accuracy or equal:
            front.append(n)
    return tuple(front)


def spans_decades(values: Sequence[float]) -> bool:
    """Whether to use a logarithmic axis: values are positive and span a factor above ten."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > 10


def footnote(found: Sequence[ArmResult]) -> str:
    """`Not shown: VGG16 (out of memory).`; empty if every arm has a result."""
    absent = [
        f"{shortened(outcome.name, LONGEST_NAME)} ({outcome.short_reason})"
        for outcome in found
        if not outcome.done
    ]
    if not absent:
        return ""
    more = len(absent) - _NAMED_IN_FOOTNOTE
    rest = f" and {counted(more, 'other')}" if more > 0 else ""
    return f"Not shown: {', '.join(absent[:_NAMED_IN_FOOTNOTE])}{rest}."

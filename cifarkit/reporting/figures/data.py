"""Data of the trade-off and of training curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from cifarkit.reporting.arm_results import ArmResult
from cifarkit.text import counted, shortened

LONGEST_NAME = 44
"""The longest label, in columns."""
_NAMED_IN_FOOTNOTE = 6


@dataclass(frozen=True)
class Bubble:
    label: str
    seconds: float
    accuracy: float
    parameters: float


@dataclass(frozen=True)
class BubbleChart:
    """Accuracy against time; `log_time` if the times span more than a factor of ten."""

    title: str
    bubbles: tuple[Bubble, ...]
    log_time: bool
    footnote: str


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
    title: str
    arms: tuple[ArmCurves, ...]


def bubble_chart(title: str, found: Sequence[ArmResult]) -> BubbleChart:
    """Test accuracy, training time and parameters of every arm that finished."""
    bubbles = tuple(
        Bubble(
            label=shortened(outcome.name, LONGEST_NAME),
            seconds=fmean(outcome.values(lambda r: r.time.comparable_fit_seconds)),
            accuracy=fmean(outcome.values(lambda r: r.accuracy.test)),
            parameters=fmean(outcome.values(lambda r: r.parameters.total)),
        )
        for outcome in found
        if outcome.done
    )
    return BubbleChart(title, bubbles, spans_decades([b.seconds for b in bubbles]), footnote(found))


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

"""Data of accuracy against measured latency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cifarkit.reporting.figures.data import BubbleChart, bubbles_of
from cifarkit.reporting.inference import disturbance, measured_arms
from cifarkit.reporting.study_view import StudyView
from cifarkit.text import listed, unique


def charts(view: StudyView) -> dict[str, BubbleChart]:
    """Accuracy against latency in each runtime, where two arms or more were measured alike.

    Of the smallest batch, and of the hardware on which most arms were measured.
    """
    found: dict[str, BubbleChart] = {}
    measured = [one for one in measured_arms(view) if one.arm.done]
    for runtime in unique(one.first.runtime for one in measured):
        own = [one for one in measured if one.first.runtime == runtime]
        smallest = min(one.first.batch_size for one in own)
        own = [one for one in own if one.first.batch_size == smallest]
        ((hardware, _),) = Counter(one.first.hardware for one in own).most_common(1)
        own = [one for one in own if one.first.hardware == hardware]
        if len(own) < 2:
            continue
        title = f"{view.title}: accuracy against latency, {runtime}, batch {smallest}, {hardware}"
        shown = {one.arm.name for one in own}
        absent = [one.name for one in view.results if one.done and one.name not in shown]
        notes = [f"Not measured: {_some(absent)}."] if absent else []
        if said := disturbance(own):
            notes.append(said.strip())
        found[f"latency-{runtime}"] = bubbles_of(
            title,
            [(one.arm, one.p50_ms) for one in own],
            notes=notes,
            cost="Latency",
            unit="ms",
            faster="has lower latency",
        )
    return found


def _some(names: Sequence[str]) -> str:
    return listed([*names[:6], f"{len(names) - 6} more"] if len(names) > 7 else names)

"""Measured inference times of a study's networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from cifarkit.profiling.measurements import InferenceTime
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Cell, Table, number_columns, text_cell, text_columns
from cifarkit.text import counted, unique


@dataclass(frozen=True)
class MeasuredArm:
    """An arm's measurements in one runtime, at one batch size, on one hardware."""

    arm: ArmResult
    times: tuple[InferenceTime, ...]

    @property
    def first(self) -> InferenceTime:
        return self.times[0]

    @property
    def p50_ms(self) -> float:
        return median(one.p50_ms for one in self.times)


def tables(view: StudyView) -> list[Table]:
    """One table if anything was measured: a row per arm, runtime, batch size and hardware."""
    found = measured_arms(view)
    if not found:
        return []
    hardware = unique(one.first.hardware for one in found)
    several = len(hardware) > 1
    rows = [
        (
            text_cell(one.arm.name),
            text_cell(one.first.runtime),
            Cell(one.first.batch_size, str(one.first.batch_size)),
            *(
                Cell(value, f"{value:,.{decimals}f}")
                for value, decimals in (
                    (one.p50_ms, 2),
                    (median(t.p95_ms for t in one.times), 2),
                    (median(t.p99_ms for t in one.times), 2),
                    (median(t.images_per_second for t in one.times), 0),
                    (max(t.peak_rss_mb for t in one.times), 0),
                    (one.first.size_bytes / 1e6, 2),
                )
            ),
            *([text_cell(one.first.hardware)] if several else []),
        )
        for one in found
    ]
    columns = (
        *text_columns("Model" if view.layout.rows_are_names else "Setting", "Runtime"),
        *number_columns("Batch", "p50 (ms)", "p95 (ms)", "p99 (ms)", "Images/s", "Peak RSS (MB)",
                        "Size (MB)"),
        *(text_columns("Hardware") if several else ()),
    )  # fmt: skip
    where = "" if several else f" on {hardware[0]}"
    caption = (
        f"Inference{where}: latency of a call, from uint8 images to probabilities in memory, "
        "after calls to warm up; the highest memory of the whole process; the size of the weights "
        f"or the exported file.{disturbance(found)}"
    )
    return [Table(f"{view.name}-inference", caption, columns, tuple(rows))]


def measured_arms(view: StudyView) -> list[MeasuredArm]:
    """By arm, runtime, batch size and hardware."""
    rows = []
    for arm in view.results:
        groups: dict[tuple[str, int, str], list[InferenceTime]] = {}
        for trial in arm.arm.trials:
            for one in view.records[trial].inference if trial in view.records else ():
                groups.setdefault((one.runtime, one.batch_size, one.hardware), []).append(one)
        rows += [MeasuredArm(arm, tuple(times)) for _, times in sorted(groups.items())]
    return rows


def disturbance(found: Sequence[MeasuredArm]) -> str:
    """A sentence, after a space, if other programs were running; else nothing."""
    times = [time for one in found for time in one.times]
    if not (busy := [time for time in times if time.disturbed]):
        return ""
    load = fmean(time.load_average for time in busy)
    return (
        f" Other programs were running during {len(busy)} of {counted(len(times), 'measurement')} "
        f"(load average {load:.1f}): those times are too long."
    )

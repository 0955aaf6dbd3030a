"""The tables of a study: a study kind is one layout, made of the same columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cifarkit.report import formatting, table_columns
from cifarkit.report import published as reference
from cifarkit.report.arm_results import ArmResult, model_name, outcomes
from cifarkit.report.table import Cell, Column, Table
from cifarkit.report.table_columns import Measure
from cifarkit.store.records import StudyRecord, TrialRecord
from cifarkit.text import plain

CAPTIONS = {
    "zoo": "Memory (an estimate), parameters, training time and test accuracy of every model.",
    "resize": "Test accuracy and cost of every model at every image size.",
    "finetune": "Fine-tuning depth: how much of the backbone is trained.",
}


def summary(
    study: StudyRecord, records: Mapping[str, TrialRecord], *, published: bool = False
) -> Table:
    """The study's main table: one row per arm, in the published appendix's columns.

    Args:
        records: Trials by id; an id that is missing was never started.
        published: Put the published study's numbers beside ours.
    """
    found = outcomes(study, records)
    columns = table_columns.of_kind(study.kind, study.axes, table_columns.test_decimals(found))
    caption = CAPTIONS.get(study.kind, f"{plain(study.title)}: test accuracy and cost.")
    return _flat(f"{study.name}-summary", caption, study, found, columns, published)


def main_tables(
    study: StudyRecord, records: Mapping[str, TrialRecord], *, published: bool = False
) -> list[Table]:
    """The summary; of a study of models by image sizes, one table per quantity instead."""
    if study.kind != "resize" or set(study.axes) != {"model", "image_size"}:
        return [summary(study, records, published=published)]
    found = outcomes(study, records)
    columns = table_columns.of_kind(study.kind, study.axes, table_columns.test_decimals(found))
    return [_pivot(study, found, measure, published) for measure in columns]


def detail_tables(study: StudyRecord, records: Mapping[str, TrialRecord]) -> list[Table]:
    """What training cost as measured, and the accuracy on every split with its interval."""
    found = outcomes(study, records)
    if not any(outcome.done for outcome in found):
        return []
    decimals = table_columns.test_decimals(found)
    cost = [measure for measure in table_columns.of_cost() if _measured(found, measure)]
    scores = _flat(
        f"{study.name}-accuracy",
        "Accuracy of the kept weights on every split.",
        study,
        found,
        [measure for measure in table_columns.of_scores(decimals) if _measured(found, measure)],
        reasons=False,
    )
    return [
        _flat(
            f"{study.name}-cost",
            "Measured cost (unlike Memory above).",
            study,
            found,
            cost,
            reasons=False,
        ),
        _with_interval(scores, found, decimals),
    ]


def axis_heading(axis: str) -> str:
    """What the column of a setting is called; of `unfreeze`, whose rows say it, as published."""
    return "Setting" if axis == "unfreeze" else formatting.heading(axis)


def axis_text(axis: str, settings: Mapping[str, Any]) -> str:
    """The value of an arm on one axis, as its row shows it."""
    value = settings[axis]
    if axis == "model":
        return model_name(str(value))
    if axis == "unfreeze" and isinstance(value, int | float):
        whole = {0.0: "freeze all", 1.0: "unfreeze all"}
        return whole.get(float(value), f"unfreeze {formatting.percent(value)}")
    return plain(formatting.setting(axis, value))


def _flat(
    name: str,
    caption: str,
    study: StudyRecord,
    found: Sequence[ArmResult],
    quantities: Sequence[Measure],
    published: bool = False,
    reasons: bool = True,
) -> Table:
    """One row per arm: where it stands on the axes, its quantities, and what went wrong."""
    columns = [_leading(study, found)]
    for measure in quantities:
        columns.append([(Column(measure.heading), [measure.cell(outcome) for outcome in found])])
        if published and (beside := _published(study, found, measure)):
            columns.append([beside])
    columns.append(_trailing(found, reasons))
    flat = [column for group in columns for column in group]
    rows = zip(*(cells for _, cells in flat), strict=True)
    return Table(name, caption, tuple(column for column, _ in flat), tuple(rows))


def _leading(study: StudyRecord, found: Sequence[ArmResult]) -> list[tuple[Column, list[Cell]]]:
    if study.kind == "zoo" or not study.axes:
        return [(Column("Model", numeric=False), [Cell(o.name, o.name) for o in found])]
    columns = []
    for axis in study.axes:
        cells = [_axis_cell(axis, outcome) for outcome in found]
        numeric = axis != "unfreeze" and all(isinstance(cell.raw, int | float) for cell in cells)
        columns.append((Column(axis_heading(axis), numeric), cells))
    return columns


def _axis_cell(axis: str, outcome: ArmResult) -> Cell:
    settings = outcome.arm.settings
    if axis not in settings:
        return Cell(outcome.name, outcome.name)
    value, text = settings[axis], axis_text(axis, settings)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(value if number else text, text)


def _trailing(found: Sequence[ArmResult], reasons: bool) -> list[tuple[Column, list[Cell]]]:
    """The number of seeds and the outcome, each only where some row needs it.

    Where the whole reason was given before, two or three words are enough.
    """
    columns = []
    if any(len(outcome.arm.trials) > 1 for outcome in found):
        seeds = [(len(outcome.done), len(outcome.arm.trials)) for outcome in found]
        cells = [
            Cell(done, f"{done} of {asked}" if done < asked else f"{done}") if asked else Cell()
            for done, asked in seeds
        ]
        columns.append((Column("Seeds"), cells))
    told = [_outcome_text(outcome, reasons) for outcome in found]
    if set(told) != {"complete"}:
        cells = [Cell(text, text) for text in told]
        columns.append((Column("Outcome", numeric=False), cells))
    return columns


def _outcome_text(outcome: ArmResult, whole: bool) -> str:
    if outcome.complete:
        return outcome.flaws or "complete"
    reason = outcome.reason if whole else outcome.short_reason or "partly complete"
    return "; ".join(filter(None, (reason, outcome.flaws)))


def _published(
    study: StudyRecord, found: Sequence[ArmResult], measure: Measure
) -> tuple[Column, list[Cell]] | None:
    rows = [reference.row(study.kind, study.axes, outcome.arm) for outcome in found]
    cells = [_published_cell(measure, row) for row in rows]
    if not any(cell.raw is not None for cell in cells):
        return None
    heading = f"Published {measure.heading[0].lower()}{measure.heading[1:]}"
    return Column(heading), cells


def _published_cell(measure: Measure, row: Mapping[str, Any] | None) -> Cell:
    value = row.get(measure.published) if row and measure.published else None
    if value is None:
        return Cell()
    # The published accuracies have two decimals: a third would be made up.
    text = f"{value:.2f}" if measure.published == "accuracy" else measure.text([value])
    return Cell(value, text)


def _pivot(
    study: StudyRecord, found: Sequence[ArmResult], measure: Measure, published: bool
) -> Table:
    """Models down, image sizes across, one quantity in the cells."""
    at = {(o.arm.settings.get("model"), o.arm.settings.get("image_size")): o for o in found}
    models = dict.fromkeys(model for model, _ in at)
    sizes = sorted({size for _, size in at if isinstance(size, int)})
    rows = []
    for model in models:
        cells = [at.get((model, size)) for size in sizes]
        name = model_name(str(model))
        rows.append((Cell(name, name), *(_pivot_cell(measure, cell) for cell in cells)))
        theirs = [
            reference.row(study.kind, study.axes, cell.arm) if cell else None for cell in cells
        ]
        if published and any(theirs):
            name = f"{name}, published"
            rows.append((Cell(name, name), *(_published_cell(measure, row) for row in theirs)))
    columns = (Column("Model", numeric=False), *(Column(f"{size} px") for size in sizes))
    label = measure.heading.split(" (")[0].lower()
    caption = f"{measure.heading} by image size."
    return Table(f"{study.name}-{label}", caption, columns, tuple(rows))


def _pivot_cell(measure: Measure, outcome: ArmResult | None) -> Cell:
    if outcome is None:
        return Cell()
    cell = measure.cell(outcome)
    return cell if cell.raw is not None else Cell(None, outcome.short_reason)


def _with_interval(table: Table, found: Sequence[ArmResult], decimals: int) -> Table:
    """The table with Wilson's interval in its place, right of the test accuracy."""
    at = table.headings.index("Test") + 1
    spans = [table_columns.interval(outcome) for outcome in found]
    texts = [span and f"{span.low:.{decimals}f} to {span.high:.{decimals}f}" for span in spans]
    cells = [Cell(text, text) if text else Cell() for text in texts]
    rows = [(*row[:at], cell, *row[at:]) for row, cell in zip(table.rows, cells, strict=True)]
    columns = (*table.columns[:at], Column("95% interval"), *table.columns[at:])
    return Table(table.name, table.caption, columns, tuple(rows))


def _measured(found: Sequence[ArmResult], measure: Measure) -> bool:
    return any(outcome.values(measure.read) for outcome in found)

"""Tables of a study, by its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cifarkit.reporting import formatting, table_columns
from cifarkit.reporting import published as reference
from cifarkit.reporting.arm_accuracy import interval, interval_subject
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Cell, Column, Table, number_columns, text_cell, text_columns
from cifarkit.reporting.table_columns import (
    MEMORY,
    MEMORY_WITH_INPUT,
    NOT_TRAINABLE,
    PARAMETERS,
    TRAINABLE,
    TRAINED_SHARE,
    Measure,
)
from cifarkit.store.setting_words import heading, model_name, phrase, value_text


def summary(view: StudyView, *, published: bool = False) -> Table:
    """The study's main table: one row per arm, in the published appendix's columns.

    Args:
        published: Add columns with the published study's numbers.
    """
    caption = view.layout.caption or f"{view.title}: test accuracy and cost."
    return _flat(
        view, "summary", _with_head(view, caption, *view.measures), view.measures, published
    )


def main_tables(view: StudyView, *, published: bool = False) -> list[Table]:
    """The summary; of a study of models by image sizes, one table per quantity instead."""
    if not view.layout.pivoted:
        tables = [summary(view, published=published)]
    else:
        tables = [_pivot(view, measure, published) for measure in view.measures]
    return [_captioned(table, view.title_suffix) for table in tables]


def _captioned(table: Table, suffix: str) -> Table:
    """Add what tells the study from similar ones to a table's caption."""
    if not suffix or suffix.strip() in table.caption:
        return table
    return replace(table, caption=f"{table.caption.removesuffix('.')}{suffix}.")


def _with_head(view: StudyView, caption: str, *measures: Measure) -> str:
    """The caption; with parameters the head's outputs, with memory that it is an estimate."""
    heads = {trial.spec.model.head_outputs for _, trial in view.trials}
    parts = [caption.removesuffix(".")]
    if len(heads) == 1 and any(measure in (PARAMETERS, TRAINABLE) for measure in measures):
        parts.append(f"heads have {heads.pop()} outputs")
    if any(measure in (MEMORY, MEMORY_WITH_INPUT) for measure in measures):
        parts.append("memory usage is an estimate")
    return f"{'; '.join(parts)}."


def detail_tables(view: StudyView) -> list[Table]:
    """The measured cost, and the accuracy on every split with its interval."""
    if not view.anything_done:
        return []
    cost = _measured(view, table_columns.of_cost())
    if PARAMETERS in view.layout.measures:
        cost += [TRAINABLE, NOT_TRAINABLE]
    if TRAINABLE in view.layout.measures:
        cost += [TRAINED_SHARE]
    scores = _measured(view, table_columns.of_scores(view.decimals))
    caption = (
        "Accuracy of the kept weights on every split. The 95% interval is of "
        f"{interval_subject(view.results)}."
    )
    tables = [
        _flat(view, "cost", "Measured cost, unlike the memory usage above.", cost, reasons=False),
        _with_interval(view, _flat(view, "accuracy", caption, scores, reasons=False)),
    ]
    return [_captioned(table, view.title_suffix) for table in tables]


def axis_heading(axis: str) -> str:
    """The heading of a setting's column; for `unfreeze` the published one."""
    return "Setting" if axis == "unfreeze" else heading(axis)


def axis_text(axis: str, settings: Mapping[str, Any]) -> str:
    """An arm's value on one axis, formatted."""
    return (phrase if axis == "unfreeze" else value_text)(axis, settings[axis])


def row_name(view: StudyView, result: ArmResult) -> str:
    """An arm's name in sentences: its value if one setting varies, else its name."""
    settings = result.arm.settings
    if len(view.axes) == 1 and view.axes[0] in settings and not view.layout.rows_are_names:
        return axis_text(view.axes[0], settings)
    return result.name


def _flat(
    view: StudyView,
    name: str,
    caption: str,
    measures: Sequence[Measure],
    published: bool = False,
    reasons: bool = True,
) -> Table:
    """One row per arm: axis values, quantities, and problems."""
    columns = _leading(view)
    for measure in measures:
        columns.append((Column(measure.heading), [measure.cell(arm) for arm in view.results]))
        if published and (column := _published(view, measure)):
            columns.append(column)
    if view.letters and any(measure.of_machine for measure in measures):
        texts = [", ".join(view.letters[name] for name in arm.hardware) for arm in view.results]
        cells = [text_cell(text) if text else Cell() for text in texts]
        columns.append((Column("Hardware", numeric=False), cells))
    columns += _trailing(view.results, reasons)
    rows = zip(*(cells for _, cells in columns), strict=True)
    headings = tuple(column for column, _ in columns)
    return Table(f"{view.name}-{name}", caption, headings, tuple(rows))


def _leading(view: StudyView) -> list[tuple[Column, list[Cell]]]:
    if view.layout.rows_are_names:
        return [(Column("Model", numeric=False), [text_cell(o.name) for o in view.results])]
    columns = []
    for axis in view.axes:
        cells = [_axis_cell(axis, outcome) for outcome in view.results]
        numeric = axis != "unfreeze" and all(isinstance(cell.raw, int | float) for cell in cells)
        columns.append((Column(axis_heading(axis), numeric), cells))
    return columns


def _axis_cell(axis: str, outcome: ArmResult) -> Cell:
    settings = outcome.arm.settings
    if axis not in settings:
        return text_cell(outcome.name)
    value, text = settings[axis], axis_text(axis, settings)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(value if number else text, text)


def _trailing(found: Sequence[ArmResult], reasons: bool) -> list[tuple[Column, list[Cell]]]:
    """Columns for the number of seeds and the outcome, if any row needs them.

    Args:
        reasons: Whether outcomes have their whole reason, instead of two or three words.
    """
    columns = []
    if any(len(outcome.arm.trials) > 1 for outcome in found):
        seeds = [(len(outcome.done), len(outcome.arm.trials)) for outcome in found]
        cells = [
            Cell(done, f"{done} of {asked}" if done < asked else f"{done}") if asked else Cell()
            for done, asked in seeds
        ]
        columns.append((Column("Seeds"), cells))
    outcome_texts = [_outcome_text(outcome, reasons) for outcome in found]
    if set(outcome_texts) != {"complete"}:
        columns.append((Column("Outcome", numeric=False), list(map(text_cell, outcome_texts))))
    return columns


def _outcome_text(outcome: ArmResult, whole: bool) -> str:
    if outcome.complete:
        return outcome.flaws or "complete"
    reason = outcome.reason if whole else outcome.short_reason or "partly complete"
    return "; ".join(filter(None, (reason, outcome.flaws)))


def _published(view: StudyView, measure: Measure) -> tuple[Column, list[Cell]] | None:
    rows = [reference.of_arm(view, outcome) for outcome in view.results]
    cells = [_published_cell(measure, row) for row in rows]
    if not any(cell.raw is not None for cell in cells):
        return None
    return Column(f"{measure.heading}, published"), cells


def _published_cell(measure: Measure, row: Mapping[str, Any] | None) -> Cell:
    value = row.get(measure.published) if row and measure.published else None
    if value is None:
        return Cell(None, "crashed") if row and "outcome" in row else Cell()
    # The published accuracies have two decimals.
    text = f"{value:.2f}" if measure.published == "accuracy" else measure.text([value])
    return Cell(value, text)


def _pivot(view: StudyView, measure: Measure, published: bool) -> Table:
    """A pivot table of one quantity: models by image sizes."""
    at = {(o.arm.settings.get("model"), o.arm.settings.get("image_size")): o for o in view.results}
    models = dict.fromkeys(model for model, _ in at)
    sizes = sorted({size for _, size in at if isinstance(size, int)})
    rows = []
    for model in models:
        cells = [at.get((model, size)) for size in sizes]
        name = model_name(str(model))
        rows.append((text_cell(name), *(_pivot_cell(measure, cell) for cell in cells)))
        theirs = [reference.of_arm(view, cell) if cell else None for cell in cells]
        if published and any(theirs):
            name = f"{name}, published"
            rows.append((text_cell(name), *(_published_cell(measure, row) for row in theirs)))
    columns = (*text_columns("Model"), *number_columns(*(f"{size} px" for size in sizes)))
    label = measure.heading.split(" (")[0].lower().replace(" ", "-")
    caption = _with_head(view, f"{measure.heading} by image size.", measure)
    return Table(f"{view.name}-{label}", caption, columns, tuple(rows))


def _pivot_cell(measure: Measure, outcome: ArmResult | None) -> Cell:
    if outcome is None:
        return Cell()
    cell = measure.cell(outcome)
    if cell.raw is None:
        return Cell(None, outcome.short_reason)
    if measure.of_machine and outcome.letters and len(outcome.hardware) == 1:
        return Cell(cell.raw, f"{cell.text} ({outcome.letters[outcome.hardware[0]]})")
    return cell


def _with_interval(view: StudyView, table: Table) -> Table:
    """The table with the interval to the right of the test accuracy."""
    at = table.headings.index("Test") + 1
    spans = [interval(outcome) for outcome in view.results]
    texts = [span and formatting.interval(span, view.decimals) for span in spans]
    cells = [text_cell(text) if text else Cell() for text in texts]
    rows = [(*row[:at], cell, *row[at:]) for row, cell in zip(table.rows, cells, strict=True)]
    columns = (*table.columns[:at], Column("95% interval"), *table.columns[at:])
    return Table(table.name, table.caption, columns, tuple(rows))


def _measured(view: StudyView, measures: Sequence[Measure]) -> list[Measure]:
    """The measures that some arm has."""
    return [m for m in measures if any(arm.values(m.read) for arm in view.results)]

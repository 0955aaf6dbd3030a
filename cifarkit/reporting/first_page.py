"""The first page of a report: what to use, how good it is, what is certain, its cost, what next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from cifarkit.reporting import formatting, overview
from cifarkit.reporting.answer import Step, Whole, most_accurate, wholes
from cifarkit.reporting.arm_accuracy import interval_subject
from cifarkit.reporting.certainty import certain_sentences
from cifarkit.reporting.conclusions import Conclusions
from cifarkit.reporting.document_model import Block, Figure, Items, Paragraph, Section
from cifarkit.reporting.hyperparameters import of_trial
from cifarkit.reporting.next_steps import next_steps
from cifarkit.reporting.notes import warnings
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Table, text_cell, text_columns
from cifarkit.store.setting_words import heading, model_name, phrase
from cifarkit.text import counted, listed, unique

if TYPE_CHECKING:
    from cifarkit.evaluation.comparison import Comparison

_MOST_WARNINGS = 8


def first_page(
    views: Sequence[StudyView], supported: Sequence[Conclusions], *, illustrated: bool
) -> list[Section]:
    """A chapter of one page; what is not known has no section."""
    found = wholes(views, supported)
    sections = [Section("Summary", 2, ())]
    finals = [(whole.final, whole.title) for whole in found]
    if not finals and (best := most_accurate(views)) is not None:
        finals = [(best, "")]
    if finals:
        tables = [configuration(step, title * (len(finals) > 1)) for step, title in finals]
        sections.append(Section("Final configuration", 3, (*tables, *_why(found))))
    for whole in found:
        if len(whole.steps) > 1:
            of = f": {whole.title}" if len(found) > 1 else ""
            blocks = _brought(whole, illustrated)
            sections.append(Section(f"What each step brought{of}", 3, blocks))
    certain = certain_sentences(views, supported)
    parts: list[tuple[str, Sequence[str]]] = [
        ("What is certain and what is not", certain),
        ("What it cost", cost(views)),
        ("Warnings", warnings_of(views)),
        ("What to do next", next_steps(views, supported)),
    ]
    sections += [Section(title, 3, (Items(tuple(items)),)) for title, items in parts if items]
    return sections


def configuration(step: Step, of: str = "") -> Table:
    """The published study's list: model, settings, test accuracy; the trials' own values.

    Args:
        of: What it is of, where the document has several.
    """
    trial = step.arm.done[0]
    spec, settings = trial.spec, of_trial(trial)
    train = spec.train
    rows = [
        (
            "Data",
            f"{settings[heading('dataset')]}, {counted(spec.data.classes, 'class', 'classes')}",
        ),
        ("Model", f"{model_name(spec.model.model)}, weights {settings[heading('weights')]}"),
        ("Input size", f"{spec.model.image_size} px"),
        ("Fine-tuning", phrase("unfreeze", spec.model.unfreeze)),
        ("Augmentation", settings[heading("augment")]),
        ("Dropout", settings[heading("dropout")]),
        ("Early stopping", f"{phrase('patience', train.patience)}, at most {train.epochs} epochs"),
        ("Learning rate", settings[heading("learning_rate")]),
        ("Batch size", settings[heading("batch_size")]),
        ("Optimizer", settings[heading("optimizer")]),
        ("Test accuracy", accuracy_text(step)),
    ]
    cells = tuple((text_cell(name), text_cell(text)) for name, text in rows)
    name = f"{step.view.name}-configuration"
    caption = f"Final configuration{' of ' * bool(of)}{of}."
    return Table(name, caption, text_columns("Setting", "Value"), cells, ordered=True)


def accuracy_text(step: Step) -> str:
    """`0.840 (95% interval of the trained model 0.832 to 0.848; 8,000 test images)`."""
    images = unique(f"{result.test_images:,} test images" for result in step.arm.results)
    parts = [*images]
    if step.interval is not None:
        span = formatting.interval(step.interval, step.view.decimals)
        parts.insert(0, f"95% interval of {interval_subject([step.arm])} {span}")
    if len(step.arm.done) > 1:
        parts.insert(0, f"mean of {len(step.arm.done)} seeds")
    return f"{step.accuracy:.{step.view.decimals}f} ({'; '.join(parts)})"


def _why(found: Sequence[Whole]) -> list[Paragraph]:
    if found:
        text = "It is what the steps chose on validation images, not the highest test accuracy."
    else:
        text = "It has the highest validation accuracy of all settings that were tried."
    return [Paragraph(text)]


def _brought(whole: Whole, illustrated: bool) -> tuple[Block, ...]:
    rows = tuple(
        tuple(map(text_cell, (s.view.title, s.name, _accuracy(s), *change_texts(s))))
        for s in whole.steps
    )
    models = any(step.change is not None and step.change.of == "model" for step in whole.steps)
    caption = (
        "What each step went on with: its test accuracy, and the change from the step before in "
        "percentage points, with 95% intervals"
        + (" of the trained models, which another seed may change" if models else "")
        + "; those of a change hold for all settings of the step at once."
    )
    columns = text_columns("Step", "Went on with", "Accuracy", "Change", "Verdict")
    name = f"{whole.final.view.name}-steps"
    blocks: list[Block] = [Table(name, caption, columns, rows, ordered=True)]
    if illustrated:
        blocks.append(step_figure(whole, name))
    first, last = whole.steps[0], whole.final
    if whole.change is not None:
        value, verdict = change_text(whole.change, last.view.study.equivalence)
        blocks.append(
            Paragraph(
                f"From {first.name} ({first.view.title}) to the final model: {value} percentage "
                f"points, {verdict}."
            )
        )
    return (*blocks, Paragraph(overview.how_chosen([step.view for step in whole.steps])))


def step_figure(whole: Whole, name: str) -> Figure:
    """From the first step's test accuracy to the final one."""
    from cifarkit.reporting.figures.step_chart import StepChart, StepDot, draw

    dots = tuple(
        StepDot(
            _label(step),
            step.accuracy,
            f"{step.accuracy:.{step.view.decimals}f}",
            *((step.interval.low, step.interval.high) if step.interval else (None, None)),
        )
        for step in whole.steps
    )
    title = f"{whole.title}: test accuracy of what each step went on with, with 95% intervals"
    alt = f"{title}: {'; '.join(f'{dot.label}, {dot.text}' for dot in dots)}."
    return Figure(name, title, partial(draw, StepChart(title, dots)), alt=alt)


def _label(step: Step) -> str:
    """`Input size: image size 96 px`, but `Dropout 0.5`."""
    title, name = step.view.title, step.name
    named = name.lower().startswith(title.lower())
    return f"{name[0].upper()}{name[1:]}" if named else f"{title}: {name}"


def _accuracy(step: Step) -> str:
    text = f"{step.accuracy:.{step.view.decimals}f}"
    if step.interval is None:
        return text
    return f"{text} ({formatting.interval(step.interval, step.view.decimals)})"


def change_texts(step: Step) -> tuple[str, str]:
    """The change with its interval, and the verdict in a word or two."""
    if step.before is None:
        return formatting.GAP, "start"
    if step.kept:
        return formatting.GAP, "kept"
    if step.change is None:
        return formatting.GAP, "not compared"
    return change_text(step.change, step.view.study.equivalence)


def change_text(change: Comparison, equivalence: float) -> tuple[str, str]:
    """`+1.8 (+0.2 to +3.3)` and `higher`."""
    points = (100 * part for part in (change.difference, change.low, change.high))
    value, low, high = (f"{point:+z.1f}" for point in points)
    verdict = {"better": "higher", "worse": "lower"}.get(change.verdict, "not certain")
    if verdict == "not certain" and change.equal_within(equivalence):
        verdict = "no difference"
    return f"{value} ({low} to {high})", verdict


def cost(views: Sequence[StudyView]) -> list[str]:
    """How many trainings, how long they took, and on what data."""
    trials = {trial.trial_id: trial for view in views for _, trial in view.trials}.values()
    seconds = [trial.result.time.trial_seconds for trial in trials if trial.result is not None]
    lines = [overview.counts(views)]
    if seconds:
        lines.append(
            f"{counted(len(seconds), 'training')} took {hours(sum(seconds))} in all, from "
            f"{hours(min(seconds))} to {hours(max(seconds))} each."
        )
    return lines


def hours(seconds: float) -> str:
    """`2.5 hours`, `12 minutes`, `31 seconds`."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{formatting.significant(seconds / length, 2)} {unit}"
    return f"{seconds:.0f} seconds"


def warnings_of(views: Sequence[StudyView]) -> list[str]:
    """What checks of the trials found, by study; the same warning of several studies once."""
    titles: dict[str, list[str]] = {}
    for view in views:
        for text in warnings(view):
            titles.setdefault(text, []).append(view.title)
    lines = [f"{listed(unique(of))}: {text}" for text, of in titles.items()]
    if len(lines) > _MOST_WARNINGS:
        more = counted(len(lines) - _MOST_WARNINGS + 1, "other warning")
        lines = [*lines[: _MOST_WARNINGS - 1], f"{more}, in the chapters of the studies."]
    return lines or ["No check of the trainings raised a warning."]

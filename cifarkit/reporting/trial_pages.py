"""The trials of a report that can fold: compared in a table and a figure, then a page for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cifarkit.reporting.document_model import Block, Document, Figure, Page, Paragraph, Section
from cifarkit.reporting.figures.data import LONGEST_NAME
from cifarkit.reporting.hyperparameters import of_trial
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Cell, Column, Table, text_cell
from cifarkit.reporting.trial_listing import Details, everything
from cifarkit.store.records import TrialRecord
from cifarkit.text import counted, listed, shortened, unique, without_folders

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

MOST_PAGES = 200
"""The most trials that have a page; about 3 KB each."""
MOST_CURVES = 21
"""The most trials whose curves can be told apart in one figure."""
_LOG_LINES = 20
_LOG_BYTES = 16_384
_OF_THIS_MACHINE = {"Folder", "Host"}


def with_trials(written: Document, views: Sequence[StudyView]) -> Document:
    """The document with a chapter on its trials; unchanged if none was started."""
    used: dict[str, list[str]] = {}
    for view in views:
        for _, trial in view.trials:
            used.setdefault(trial.trial_id, []).append(view.title)
    trials = [views[0].records[trial_id] for trial_id in used]
    if not trials:
        return written
    differing = _differing(trials)
    names = _names(differing)
    blocks: list[Block] = [_table(trials, differing)]
    if any(trial.history for trial in trials):
        blocks.append(_curves(trials, names))
    if len(trials) > MOST_PAGES:
        blocks.append(
            Paragraph(
                f"The first {MOST_PAGES} of {counted(len(trials), 'trial')} have a page below; "
                "`cifarkit store show` shows any."
            )
        )
    pages = tuple(
        Page(
            f"trial-{trial.trial_id}",
            f"{trial.trial_id}: {names[trial.trial_id]}",
            _details(trial, used[trial.trial_id]),
        )
        for trial in trials[:MOST_PAGES]
    )
    chapter = Section("Trials", 2, tuple(blocks))
    return replace(written, sections=(*written.sections, chapter), pages=pages)


def _differing(trials: Sequence[TrialRecord]) -> dict[str, dict[str, str]]:
    """By trial, the settings in which the trials differ, by heading; empty text where unset."""
    known = {
        trial.trial_id: of_trial(trial) | {"Seed": str(trial.spec.train.seed)} for trial in trials
    }
    names = unique(name for settings in known.values() for name in settings)
    kept = [n for n in names if len({settings.get(n) for settings in known.values()}) > 1]
    return {
        trial_id: {name: settings.get(name, "") for name in kept}
        for trial_id, settings in known.items()
    }


def _names(differing: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By trial, its settings that most trials do not share."""
    counts = {
        name: Counter(settings[name] for settings in differing.values())
        for name in next(iter(differing.values()))
    }
    most = len(differing) / 2
    return {
        trial_id: ", ".join(
            f"{name.lower()} {text or 'unset'}"
            for name, text in settings.items()
            if counts[name][text] <= most
        )
        or "the settings of most trials"
        for trial_id, settings in differing.items()
    }


def _table(trials: Sequence[TrialRecord], differing: Mapping[str, Mapping[str, str]]) -> Table:
    names = list(next(iter(differing.values())))
    rows = []
    for trial in trials:
        accuracy = trial.result.accuracy if trial.complete and trial.result else None
        scores = (accuracy.validation, accuracy.test) if accuracy else (None, None)
        rows.append(
            (
                text_cell(trial.trial_id),
                text_cell(trial.state.status.value),
                *(_setting(differing[trial.trial_id][name]) for name in names),
                *(Cell() if score is None else Cell(score, f"{score:.4f}") for score in scores),
            )
        )
    columns = (
        *(Column(name, numeric=False) for name in ("Trial", "Status", *names)),
        Column("Validation accuracy"),
        Column("Test accuracy"),
    )
    return Table(
        "trials", "The trials, by the settings in which they differ.", columns, tuple(rows)
    )


def _setting(text: str) -> Cell:
    """Sorts as a number where it is one."""
    try:
        return Cell(float(text), text)
    except ValueError:
        return text_cell(text) if text else Cell()


def _curves(trials: Sequence[TrialRecord], names: Mapping[str, str]) -> Figure:
    """The validation accuracy of the trials, overlaid."""
    known = [trial for trial in trials if trial.history]
    caption = "Validation accuracy of the trials, named by the settings that most do not share"
    if len(known) > MOST_CURVES:
        known.sort(key=lambda trial: -max(_column(trial)))
        caption += f"; the {MOST_CURVES} highest of {len(known)}"
    lines = tuple(
        (
            shortened(f"{trial.trial_id[:6]} {names[trial.trial_id]}", LONGEST_NAME),
            tuple(int(row["epoch"]) for row in trial.history),
            _column(trial),
        )
        for trial in known[:MOST_CURVES]
    )
    highest, name = max((max(values), label) for label, _, values in lines)
    alt = f"{caption}. The highest, {highest:.3f}, is of {name}"
    return Figure("trials-curves", caption, partial(_draw, caption, lines), alt=alt)


def _column(trial: TrialRecord) -> tuple[float, ...]:
    return tuple(float(row.get("validation_accuracy", "nan")) for row in trial.history)


def _draw(caption: str, lines: Sequence[tuple[str, Sequence[int], Sequence[float]]]) -> Canvas:
    from cifarkit.reporting.figures.overlaid import draw

    return draw(caption, lines)


def _details(trial: TrialRecord, studies: Sequence[str]) -> Details:
    """What `store show` shows of it, without paths of this machine, with the end of its log."""
    parts = [
        (title, [(name, text) for name, text in values if name not in _OF_THIS_MACHINE])
        for title, values in everything(trial)
        if title != "End of the log"
    ]
    parts[0][1].insert(1, ("Studies", listed(unique(studies))))
    return [*parts, ("End of the log", [("", line) for line in _log(trial)])]


def _log(trial: TrialRecord) -> list[str]:
    path = trial.folder / "log.txt"
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LOG_BYTES))
            text = file.read(_LOG_BYTES).decode("utf-8", "replace")
    except OSError as error:
        kept = without_folders(trial.state.log_tail).splitlines()
        return kept or [f"(the log cannot be read: {error.strerror})"]
    return without_folders(text).splitlines()[-_LOG_LINES:] or ["(empty)"]

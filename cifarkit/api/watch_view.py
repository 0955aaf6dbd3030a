"""A store's snapshot as tables for a terminal or a pipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cifarkit.api.progress_messages import in_words
from cifarkit.api.watched_store import (
    SILENT_SECONDS,
    Snapshot,
    WatchedStudy,
)
from cifarkit.api.watched_trial import WatchedTrial, last_finished
from cifarkit.store.records import Status
from cifarkit.text import counted, plain, shortened

MOST_STUDIES = 12
MOST_RUNNING = 12
MOST_FINISHED = 5
MOST_UNREADABLE = 3
CURVE_COLUMNS = 16
LABEL_COLUMNS = 30
_BARS = "▁▂▃▄▅▆▇█"


def view(snapshot: Snapshot) -> RenderableType:
    """What runs where, how far each study is, what is left and what finished last."""
    trials = snapshot.trials
    running = [trial for trial in trials if trial.running]
    parts: list[RenderableType] = [Text(_headline(snapshot, running), style="bold")]
    if snapshot.studies:
        parts.append(_studies(snapshot.studies))
    if running:
        parts.append(_running(running[:MOST_RUNNING], snapshot))
        if len(running) > MOST_RUNNING:
            parts.append(Text(f"and {counted(len(running) - MOST_RUNNING, 'more trial')}"))
    if ended := last_finished(trials, MOST_FINISHED):
        parts.append(_finished(ended))
    parts += [Text(note, style="yellow") for note in _notes(snapshot, trials)]
    return Group(*parts)


def sparkline(values: Sequence[float], columns: int = CURVE_COLUMNS) -> str:
    """A curve of block characters from its lowest to its highest value; gaps are dots.

    Of more values than columns, each column shows the last of its part.
    """
    if len(values) > columns:
        values = [values[(place + 1) * len(values) // columns - 1] for place in range(columns)]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return "·" * len(values)
    low, span = min(finite), max(finite) - min(finite)
    return "".join(
        _BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0]
        if math.isfinite(value)
        else "·"
        for value in values
    )


def _headline(snapshot: Snapshot, running: Sequence[WatchedTrial]) -> str:
    trials = snapshot.trials
    at = datetime.fromtimestamp(snapshot.taken_at)
    parts = [
        f"{sum(t.state.status is Status.COMPLETE for t in trials)} complete",
        f"{len(running)} running",
        f"{sum(t.left and not t.running for t in trials)} to run",
    ]
    if bad := sum(trial.state.status.ended_badly for trial in trials):
        parts.append(f"{bad} failed")
    if not trials:
        parts = ["no trials yet"]
    line = f"{plain(str(snapshot.root))} at {at:%H:%M:%S}: {', '.join(parts)}"
    return f"{line}; {_left(snapshot, len(running))}"


def _left(snapshot: Snapshot, running: int) -> str:
    left = snapshot.left
    if not left.known and not left.unknown:
        return "nothing is left to run"
    seconds = left.seconds(running)
    if seconds is None:
        return "time left not known"
    if not running:
        return f"nothing runs; at most about {in_words(seconds)} of training left"
    return f"at most about {in_words(seconds)} left"


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading, justify in columns:
        table.add_column(heading, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    return table


def _studies(studies: Sequence[WatchedStudy]) -> RenderableType:
    table = _table(
        ("\nStudy", "left"), ("\nComplete", "right"), ("\nRunning", "right"),
        ("\nFailed", "right"), ("\nAt most left", "right"),
    )  # fmt: skip
    # Those with something to do first, then the latest.
    order = sorted(studies, key=lambda s: any(trial.left for trial in s.trials))[::-1]
    for study in order[:MOST_STUDIES]:
        running = sum(trial.running for trial in study.trials)
        left = study.time_left
        seconds = left.seconds(running)
        table.add_row(
            Text(shortened(study.record.title or study.record.name, LABEL_COLUMNS)),
            f"{sum(t.state.status is Status.COMPLETE for t in study.trials)} of "
            f"{len(study.trials) + study.unreadable}",
            str(running or ""),
            str(sum(t.state.status.ended_badly for t in study.trials) or ""),
            "" if not (left.known or left.unknown) else in_words(seconds),
        )
    more = len(studies) - MOST_STUDIES
    return Group(table, Text(f"and {more} more")) if more > 0 else table


def _running(trials: Sequence[WatchedTrial], snapshot: Snapshot) -> Table:
    table = _table(
        ("\nRunning", "left"), ("\nOn", "left"), ("\nEpoch", "right"),
        ("\nVal. acc.", "right"), ("\nCurve", "left"), ("\nAt most left", "right"),
    )  # fmt: skip
    for trial in trials:
        scores = trial.validation_accuracies
        table.add_row(
            Text(shortened(trial.label, LABEL_COLUMNS)),
            Text(shortened(trial.state.host or "?", 16)),
            f"{len(trial.history)}/{trial.epochs or '?'}",
            f"{scores[-1]:.3f}" if scores else "",
            sparkline(scores),
            in_words(snapshot.left.known.get(trial.trial_id)),
        )
    return table


def _finished(trials: Sequence[WatchedTrial]) -> Table:
    table = _table(
        ("\nFinished last", "left"), ("\nAt", "left"), ("\nTook", "right"),
        ("\nVal. acc.", "right"), ("\nEnd", "left"),
    )  # fmt: skip
    for trial in trials:
        state, scores = trial.state, trial.validation_accuracies
        took = state.ended_at and state.started_at and state.ended_at - state.started_at
        reason = f": {state.reason}" if state.reason else ""
        table.add_row(
            Text(shortened(trial.label, LABEL_COLUMNS)),
            f"{state.ended_at.astimezone():%H:%M:%S}" if state.ended_at else "",
            in_words(took.total_seconds()) if took else "",
            f"{scores[-1]:.3f}" if scores else "",
            Text(plain(f"{state.status}{reason}")),
        )
    return table


def _notes(snapshot: Snapshot, trials: Sequence[WatchedTrial]) -> list[str]:
    """What the numbers do not say by themselves."""
    notes = []
    if unknown := len(snapshot.left.unknown):
        rest = sum(snapshot.left.known.values())
        notes.append(
            f"Time left not known: of {counted(unknown, 'trial')} no epoch of the same setting has "
            "run yet"
            + (f"; the others take at most {in_words(rest)}, one at a time." if rest else ".")
        )
    open_studies = [s.record for s in snapshot.studies if any(trial.left for trial in s.trials)]
    if any(study.step for study in open_studies):
        notes.append("Later steps of a study are not in it: they depend on this one's choice.")
    if any(study.max_seeds for study in open_studies):
        notes.append("Seeds that may still be added are not in it.")
    if gone := [trial for trial in trials if trial.gone]:
        notes.append(
            f"Recorded as running, but the process is gone: {counted(len(gone), 'trial')} "
            f"({plain(', '.join(trial.label for trial in gone[:3]))}); the same command goes on."
        )
    for trial in trials:
        if trial.running and trial.silent_seconds > SILENT_SECONDS:
            notes.append(
                f"{plain(trial.label)}: no sign of life on {plain(trial.state.host or '?')} for "
                f"{in_words(trial.silent_seconds)}."
            )
    if bad := snapshot.unreadable:
        more = f"; and {len(bad) - MOST_UNREADABLE} more" if len(bad) > MOST_UNREADABLE else ""
        shown = "; ".join(map(plain, bad[:MOST_UNREADABLE]))
        notes.append(f"Not readable, and left out: {shown}{more}")
    return notes

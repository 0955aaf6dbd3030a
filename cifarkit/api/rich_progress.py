"""Progress in a terminal or a notebook: a bar for each running trial and one for the whole."""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from cifarkit.api.progress_messages import Show, TimeLeft, in_words, message
from cifarkit.execution.events import (
    EpochEnded,
    PhaseChanged,
    StepDone,
    TrialEnded,
    TrialEvent,
    TrialFound,
    TrialRetried,
    TrialStarted,
)
from cifarkit.store.records import Status

NOTEBOOK_INTERVAL_SECONDS = 0.5
NOTEBOOK_COLUMNS = 100
NOTEBOOK_LINES = 100
"""Most lines of a notebook's output; `Results.failed` has all failures."""


@contextmanager
def live(
    console: Console, title: str, name: Callable[[TrialEvent], str], left: TimeLeft
) -> Iterator[Show]:
    """Bars that are redrawn in place; lines of finished trials scroll above them."""
    bars = _bars(console)
    with bars:
        yield _show(bars, console.print, title, name, left)


@contextmanager
def in_notebook(title: str, name: Callable[[TrialEvent], str], left: TimeLeft) -> Iterator[Show]:
    """The same in the output of a notebook's cell, which keeps what was shown last.

    It is one output that is replaced, without widgets: a saved notebook shows the end of the run.
    """
    from IPython.display import display

    bars = _bars(Console(file=io.StringIO(), force_jupyter=False))
    lines: deque[Text] = deque(maxlen=NOTEBOOK_LINES)
    update = _show(bars, lines.append, title, name, left)
    handle = display(  # type: ignore[no-untyped-call]
        _bundle(bars, lines), raw=True, display_id=True
    )
    shown = time.monotonic()

    def show(event: TrialEvent) -> None:
        nonlocal shown
        update(event)
        if time.monotonic() - shown > NOTEBOOK_INTERVAL_SECONDS:
            handle.update(_bundle(bars, lines), raw=True)
            shown = time.monotonic()

    try:
        yield show
    finally:
        handle.update(_bundle(bars, lines), raw=True)


def _bundle(bars: Progress, lines: Iterable[Text]) -> dict[str, str]:
    """The lines and the bars as a notebook's output."""
    page = Console(
        file=io.StringIO(),  # recorded, not shown
        force_jupyter=False,
        record=True,
        width=NOTEBOOK_COLUMNS,
        highlight=False,
    )
    page.print(*lines, bars.get_renderable(), sep="\n")
    code = '<pre style="line-height:normal">{code}</pre>'
    html = page.export_html(code_format=code, inline_styles=True, clear=False)
    return {"text/html": html, "text/plain": page.export_text()}


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", max_width=24),
        ),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6)),
        TextColumn(
            "{task.fields[detail]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", justify="right"),
        ),
        console=console,
        refresh_per_second=4,
        transient=True,
        expand=True,
    )


def _show(
    bars: Progress,
    print_line: Callable[[Text], object],
    title: str,
    name: Callable[[TrialEvent], str],
    left: TimeLeft,
) -> Show:
    """What brings the bars up to date by a run's events."""
    whole = bars.add_task(title, total=None, detail="")
    tasks: dict[str, TaskID] = {}
    last: dict[str, EpochEnded] = {}
    settled = 0

    def place(row: EpochEnded | StepDone, trial: str) -> str:
        epoch = last.get(trial)
        score = f", val. {epoch.validation_accuracy:.3f}" if epoch else ""
        return f"epoch {row.epoch}/{row.epochs}{score}"

    def show(event: TrialEvent) -> None:
        nonlocal settled
        left.note(event)
        trial, label = event.spec.trial_id, name(event)
        line, style = message(event.payload, label, last.get(trial)), "yellow"
        match event.payload:
            case TrialStarted():
                line = ""  # the bar shows it
                tasks[trial] = bars.add_task(label, total=1.0, detail="starting")
            case TrialRetried():
                bars.update(tasks[trial], completed=0.0, detail="starting")
            case TrialEnded(Status.COMPLETE) | TrialFound():
                style = "green"
            case TrialEnded():
                style = "red"
            case PhaseChanged(phase):
                bars.update(tasks[trial], detail=phase)
            case StepDone() as step:
                part = (step.epoch - 1 + step.images_seen / step.images) / step.epochs
                bars.update(tasks[trial], completed=part, detail=place(step, trial))
            case EpochEnded() as row:
                last[trial] = row
                part = row.epoch / row.epochs
                bars.update(tasks[trial], completed=part, detail=place(row, trial))
        if isinstance(event.payload, TrialEnded | TrialFound):
            settled += 1
            if trial in tasks:
                bars.remove_task(tasks.pop(trial))
        if line:
            print_line(Text(line, style=style))
        bars.update(
            whole,
            total=event.of,
            completed=settled,
            detail=f"{settled} of {event.of}"
            + (f", {in_words(left.seconds())} left" if settled < event.of else ""),
        )

    return show

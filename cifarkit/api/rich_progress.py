"""Progress in a terminal: a bar for each running trial and one for the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


@contextmanager
def live(
    console: Console, title: str, name: Callable[[TrialEvent], str], left: TimeLeft
) -> Iterator[Show]:
    """Bars that are redrawn in place; lines of finished trials scroll above them."""
    bars = Progress(
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
            console.print(Text(line, style=style))
        bars.update(
            whole,
            total=event.of,
            completed=settled,
            detail=f"{settled} of {event.of}, {in_words(left.seconds())} left",
        )

    with bars:
        yield show

"""Progress in a terminal: a bar for each running trial and one for the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from cifarkit.cli.progress_messages import (
    Show,
    TimeLeft,
    another_go,
    in_words,
    outcome,
    set_aside,
    waiting,
)
from cifarkit.execution.runner import TrialEvent
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
    last: dict[str, Mapping[str, float]] = {}
    settled = 0

    def score(trial: str) -> str:
        epoch = last.get(trial)
        return f", val. {epoch['validation_accuracy']:.3f}" if epoch else ""

    def show(event: TrialEvent) -> None:
        nonlocal settled
        left.note(event)
        trial, values = event.spec.trial_id, event.values
        label = name(event)
        if event.kind == "started":
            tasks[trial] = bars.add_task(label, total=1.0, detail="starting")
        elif event.kind in ("ended", "found"):
            settled += 1
            if trial in tasks:
                bars.remove_task(tasks.pop(trial))
            good = event.kind == "found" or values["status"] == Status.COMPLETE
            line = outcome(event, label, last.get(trial))
            console.print(Text(line, style="green" if good else "red"))
        elif event.kind == "again":
            console.print(Text(another_go(event, label), style="yellow"))
            bars.update(tasks[trial], completed=0.0, detail="starting")
        elif event.kind == "damaged":
            console.print(Text(set_aside(event, label), style="yellow"))
        elif event.kind == "waiting":
            console.print(Text(waiting(event, label), style="yellow"))
        elif event.kind == "phase":
            bars.update(tasks[trial], detail=str(values["phase"]))
        elif event.kind == "step":
            epoch = f"epoch {values['epoch']}/{values['epochs']}"
            part = (values["epoch"] - 1 + values["seen"] / values["images"]) / values["epochs"]
            bars.update(tasks[trial], completed=part, detail=epoch + score(trial))
        elif event.kind == "epoch":
            last[trial] = values
            bars.update(
                tasks[trial],
                completed=values["epoch"] / values["epochs"],
                detail=f"epoch {values['epoch']}/{values['epochs']}{score(trial)}",
            )
        bars.update(
            whole,
            total=event.of,
            completed=settled,
            detail=f"{settled} of {event.of}, {in_words(left.seconds())} left",
        )

    with bars:
        yield show

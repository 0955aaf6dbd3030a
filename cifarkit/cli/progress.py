"""Live progress of a run: bars in a terminal, plain lines through a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from cifarkit.cli.console import messages
from cifarkit.cli.progress_messages import (
    Show,
    TimeLeft,
    another_go,
    in_words,
    outcome,
    set_aside,
    waiting,
)
from cifarkit.cli.rich_progress import live
from cifarkit.execution.runner import TrialEvent
from cifarkit.text import plain

PLAIN_INTERVAL_SECONDS = 10.0


@contextmanager
def progress(title: str, labels: Mapping[str, str]) -> Iterator[Show]:
    """Show a run on standard error; yields what the runner's events go to.

    Args:
        title: Of the study.
        labels: What each trial is called, by its id; its network's key otherwise.
    """
    console = messages()

    def name(event: TrialEvent) -> str:
        return plain(labels.get(event.spec.trial_id, event.spec.model.model))

    if console.is_terminal:
        with live(console, title, name, TimeLeft()) as show:
            yield show
    else:
        yield _plain_lines(name, TimeLeft())


def _plain_lines(name: Callable[[TrialEvent], str], left: TimeLeft) -> Show:
    console = messages()
    spoke = 0.0
    last: dict[str, Mapping[str, float]] = {}

    def show(event: TrialEvent) -> None:
        nonlocal spoke
        left.note(event)
        if event.kind == "epoch":
            last[event.spec.trial_id] = event.values
        label, values = f"[{event.number}/{event.of}] {name(event)}", event.values
        if event.kind == "started":
            line = f"{label}: started"
        elif event.kind == "again":
            line = another_go(event, label)
        elif event.kind == "damaged":
            line = set_aside(event, label)
        elif event.kind == "waiting":
            line = waiting(event, label)
        elif event.kind in ("ended", "found"):
            told = outcome(event, label, last.get(event.spec.trial_id))
            line = f"{told} (at most {in_words(left.seconds())} left)"
        elif event.kind == "epoch" and (
            time.monotonic() - spoke > PLAIN_INTERVAL_SECONDS or values["epoch"] == values["epochs"]
        ):
            spoke = time.monotonic()
            line = (
                f"{label}: epoch {values['epoch']}/{values['epochs']}, "
                f"loss {values['loss']:.3f}, validation accuracy "
                f"{values['validation_accuracy']:.3f}, {values['images_per_second']:.0f} images/s"
            )
        else:
            return
        console.print(line, soft_wrap=True, markup=False)

    return show

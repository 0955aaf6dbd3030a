"""Live progress of a run: bars in a terminal or a notebook, plain lines through a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from cifarkit.api.progress_messages import Show, TimeLeft, in_words, message
from cifarkit.api.rich_progress import in_notebook, live
from cifarkit.console import messages
from cifarkit.execution.events import EpochEnded, TrialEnded, TrialEvent, TrialFound
from cifarkit.text import plain

PLAIN_INTERVAL_SECONDS = 10.0


@contextmanager
def progress(title: str, labels: Mapping[str, str]) -> Iterator[Show]:
    """Show a run on standard error or in a notebook's cell; yields what the runner's events go to.

    Args:
        title: Of the study.
        labels: Trial labels by id; the network's key by default.
    """
    console = messages()

    def name(event: TrialEvent) -> str:
        return plain(labels.get(event.spec.trial_id, event.spec.model.model))

    if console.is_terminal:
        with live(console, title, name, TimeLeft()) as show:
            yield show
    elif console.is_jupyter:
        with in_notebook(title, name, TimeLeft()) as show:
            yield show
    else:
        yield _plain_lines(name, TimeLeft())


def _plain_lines(name: Callable[[TrialEvent], str], left: TimeLeft) -> Show:
    console = messages()
    printed = 0.0
    last: dict[str, EpochEnded] = {}

    def show(event: TrialEvent) -> None:
        nonlocal printed
        left.note(event)
        trial, label = event.spec.trial_id, f"[{event.number}/{event.of}] {name(event)}"
        line = message(event.payload, label, last.get(trial))
        match event.payload:
            case TrialEnded() | TrialFound():
                if (seconds := left.seconds()) is not None:
                    line += f" (at most {in_words(seconds)} left)"
            case EpochEnded() as row:
                last[trial] = row
                now = time.monotonic()
                if now - printed > PLAIN_INTERVAL_SECONDS or row.epoch == row.epochs:
                    printed = now
                    line = (
                        f"{label}: epoch {row.epoch}/{row.epochs}, loss {row.loss:.3f}, "
                        f"validation accuracy {row.validation_accuracy:.3f}, "
                        f"{row.images_per_second:.0f} images/s"
                    )
        if line:
            console.print(line, soft_wrap=True, markup=False)

    return show

"""Live progress of a run: bars in a terminal, plain lines through a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from cifarkit.cli.console import messages
from cifarkit.trials.record import Status
from cifarkit.trials.runner import TrialEvent

Show = Callable[[TrialEvent], None]
PLAIN_INTERVAL_SECONDS = 10.0


@dataclass
class TimeLeft:
    """How long a run will still take, at most: early stopping may end trials sooner.

    Attributes:
        clock: Seconds, rising; handed in by tests.
    """

    clock: Callable[[], float] = time.monotonic
    _started: dict[str, float] = field(default_factory=dict)
    _share_done: dict[str, float] = field(default_factory=dict)
    _took: list[float] = field(default_factory=list)
    _settled: int = 0
    _of: int = 0

    def note(self, event: TrialEvent) -> None:
        trial, self._of = event.spec.trial_id, event.of
        if event.kind == "started":
            self._started[trial] = self.clock()
        elif event.kind == "epoch":
            self._share_done[trial] = event.values["epoch"] / event.values["epochs"]
        elif event.kind in ("ended", "found"):
            self._settled += 1
            self._share_done.pop(trial, None)
            if (began := self._started.pop(trial, None)) is not None:
                self._took.append(self.clock() - began)

    def seconds(self) -> float | None:
        """None as long as there is nothing to go by."""
        now = self.clock()
        whole = {
            trial: (now - self._started[trial]) / share
            for trial, share in self._share_done.items()
            if trial in self._started
        }
        known = [*self._took, *whole.values()]
        if not known:
            return None
        typical = sum(known) / len(known)
        running = sum(
            max(0.0, whole.get(trial, typical) - (now - began))
            for trial, began in self._started.items()
        )
        waiting = self._of - self._settled - len(self._started)
        return running + waiting * typical


def in_words(seconds: float | None) -> str:
    """`95` as `1:35`, `7000` as `1:56:40`."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def progress(title: str, labels: Mapping[str, str]) -> Iterator[Show]:
    """Show a run on standard error; yields what the runner's events go to.

    Args:
        title: Of the study.
        labels: What each trial is called, by its id; its network's key otherwise.
    """
    console = messages()

    def name(event: TrialEvent) -> str:
        return labels.get(event.spec.trial_id, event.spec.model.model)

    if console.is_terminal:
        from cifarkit.cli.bars import live

        with live(console, title, name, TimeLeft()) as show:
            yield show
    else:
        yield _plain_lines(name, TimeLeft())


def outcome(event: TrialEvent, label: str, last: Mapping[str, float] | None) -> str:
    """How a trial ended, in one line.

    Args:
        last: Its last epoch, as the event had it; None if it finished none.
    """
    if event.kind == "found":
        return f"{label}: done earlier"
    if event.values["status"] == Status.COMPLETE:
        if last is None:
            return f"{label}: complete"
        score = f"validation accuracy {last['validation_accuracy']:.3f}"
        epochs = "1 epoch" if last["epoch"] == 1 else f"{last['epoch']} epochs"
        return f"{label}: complete after {epochs}, {score}"
    return f"{label}: {event.values['status']}: {event.values['reason']}"


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

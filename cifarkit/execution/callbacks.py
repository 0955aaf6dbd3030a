"""Callbacks: objects that follow a run, such as experiment trackers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from cifarkit.errors import InvalidInput
from cifarkit.execution.events import EpochEnded, TrialEnded, TrialEvent, TrialFound, TrialStarted
from cifarkit.plugins import Registry, in_one_line
from cifarkit.specs import TrialSpec


class Callback:
    """Follows a run. Subclasses override the methods that they need.

    All methods are called in the command's process, from one thread at a time; with `jobs`, trials
    overlap. An exception does not stop the training: it is logged, and the callback is not called
    again.

    Attributes:
        store: The folder of results of the run, set before it begins; a trial that ended has its
            record there.
    """

    store: Path | None = None

    def on_study_start(self, title: str, specs: tuple[TrialSpec, ...]) -> None:
        """A study, or a step of one, begins; its trials are in the order in which they run.

        A study that adds seeds until it is settled begins with those of the first look.
        """

    def on_trial_start(self, spec: TrialSpec) -> None:
        """A trial begins to train. Not called for one that is complete already."""

    def on_epoch(self, spec: TrialSpec, epoch: EpochEnded) -> None:
        """An epoch was trained and validated."""

    def on_trial_end(self, spec: TrialSpec, end: TrialEnded | TrialFound) -> None:
        """A trial ended, completely or not (`end.status`), or was complete already.

        Not called for a trial that the user interrupted.
        """

    def on_study_end(self) -> None:
        """The study ended, possibly by an interruption or an error."""


class Callbacks:
    """Several callbacks as one listener of a runner's events.

    Args:
        callbacks: Called in this order.
        store: Their `Callback.store`.
    """

    def __init__(self, callbacks: Iterable[Callback], store: Path | None = None) -> None:
        self._live = list(callbacks)
        for callback in self._live:
            callback.store = store

    @contextmanager
    def study(self, title: str, specs: Iterable[TrialSpec]) -> Iterator[None]:
        """While the trials of a study run."""
        trials = tuple(specs)
        self._call(lambda callback: callback.on_study_start(title, trials))
        try:
            yield
        finally:
            self._call(lambda callback: callback.on_study_end())

    def __call__(self, event: TrialEvent) -> None:
        match event.payload:
            case TrialStarted():
                self._call(lambda callback: callback.on_trial_start(event.spec))
            case EpochEnded() as epoch:
                self._call(lambda callback: callback.on_epoch(event.spec, epoch))
            case TrialEnded() | TrialFound() as end:
                self._call(lambda callback: callback.on_trial_end(event.spec, end))

    def _call(self, method: Callable[[Callback], None]) -> None:
        for callback in tuple(self._live):
            try:
                method(callback)
            except Exception as error:  # third-party code
                self._live.remove(callback)
                logging.getLogger("cifarkit").warning(
                    "cifarkit: callback %s failed and is not called again: %s",
                    type(callback).__name__,
                    in_one_line(error),
                )


def _factory(name: str, loaded: object) -> Callable[[], Callback]:
    if not callable(loaded):
        raise InvalidInput(f"it gave {loaded!r:.80}, not a Callback's class")
    return cast(Callable[[], Callback], loaded)


CALLBACKS: Registry[Callable[[], Callback]] = Registry(
    "callback",
    "cifarkit.callbacks",
    {
        "mlflow": "cifarkit.tracking.live:live_mlflow",
        "tensorboard": "cifarkit.tracking.live:live_tensorboard",
    },
    _factory,
)
"""A package adds a class, or a function without arguments, under `cifarkit.callbacks`."""


def create(name: str) -> Callback:
    """A callback by the name of its entry point.

    Raises:
        InvalidInput: There is none, or it cannot be made.
    """
    made: Callback = CALLBACKS.make(name, lambda made: isinstance(made, Callback))
    return made

"""Handling of termination signals: Ctrl-C, `kill`, a closed terminal, a stopped container."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType
from typing import NoReturn

from cifarkit.execution.launchers import ENDING_SIGNALS

SAME_REQUEST_SECONDS = 1.0
"""A terminal, a shell and a batch system may each pass on the same request."""


class Interrupted(BaseException):
    """A signal asked this process to end.

    Not a `KeyboardInterrupt`, which Click turns into "Aborted!" and exit code 1.

    Attributes:
        exit_code: 128 plus the signal's number, as in shells.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def listen() -> None:
    """Raise `Interrupted` in the main thread at the first of these signals.

    Without a handler of its own, the first process of a container (PID 1) would ignore them.
    """
    for number in ENDING_SIGNALS:
        # Signals ignored from the start, as under `nohup`, stay ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    began = time.monotonic()

    def leave(number: int, frame: FrameType | None) -> None:
        # A second signal during cleanup. The trials end too, which the next run detects.
        if time.monotonic() - began > SAME_REQUEST_SECONDS:
            os._exit(128 + number)

    for other in ENDING_SIGNALS:
        if signal.getsignal(other) is _interrupt:
            signal.signal(other, leave)
    raise Interrupted(number)

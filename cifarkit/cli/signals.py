"""The signals that ask a command to end: Ctrl-C, `kill`, a closed terminal, a stopped container."""

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

    Not a `KeyboardInterrupt`, of which Click makes "Aborted!" and exit code 1.

    Attributes:
        exit_code: 128 and the signal's number, as shells have it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def listen() -> None:
    """Raise `Interrupted` in the main thread at the first of these signals.

    Without a handler of its own, the first process of a container (PID 1) would ignore them.
    """
    for number in ENDING_SIGNALS:
        # What was ignored from the start, as under `nohup`, stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    began = time.monotonic()

    def leave(number: int, frame: FrameType | None) -> None:
        # Asked again while it tidies up. Its trials end with it, and the next run finds them so.
        if time.monotonic() - began > SAME_REQUEST_SECONDS:
            os._exit(128 + number)

    for other in ENDING_SIGNALS:
        if signal.getsignal(other) is _interrupt:
            signal.signal(other, leave)
    raise Interrupted(number)

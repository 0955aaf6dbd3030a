"""The command line as a user runs it: a real process, its two streams and its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

CIFARKIT = [sys.executable, "-m", "cifarkit"]


def environment() -> dict[str, str]:
    return os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def cifarkit(
    *arguments: str | Path, code: int | None = 0, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and check its exit code, unless that is None."""
    done = subprocess.run(
        [*CIFARKIT, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=timeout,
    )
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start a command and leave it running."""
    return subprocess.Popen(
        [*CIFARKIT, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=hear_signals,
    )


def hear_signals() -> None:
    """Undo what a shell and `nohup` do to jobs in the background: they ignore these signals."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def table(output: str) -> list[list[str]]:
    """The rows of a table that was printed through a pipe."""
    return [line.split("\t") for line in output.splitlines() if "\t" in line]

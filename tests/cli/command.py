"""The command line as a user runs it: its two streams and its exit code.

`cifarkit` runs a command in this process, its trials too, which spares the imports of each; where a
process of its own is what is tested, `in_a_process` and `start` make a real one.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cifarkit.cli.app import run
from cifarkit.execution.launchers import LAUNCHERS, AttemptResult, InProcessLauncher

CIFARKIT = [sys.executable, "-m", "cifarkit"]
VARIABLES = {"COLUMNS": "100", "NO_COLOR": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def environment() -> dict[str, str]:
    return os.environ | VARIABLES


class _Here(InProcessLauncher):
    """Gives the memory of each trial's model back."""

    def run(self, *arguments: Any, **options: Any) -> AttemptResult:
        try:
            return super().run(*arguments, **options)
        finally:
            if keras := sys.modules.get("keras"):
                keras.backend.clear_session()


def cifarkit(*arguments: str | Path, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and check its exit code, unless that is None."""
    words = [str(argument) for argument in arguments]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["cifarkit", *words])
        for name, value in VARIABLES.items():
            patched.setenv(name, value)
        patched.setitem(LAUNCHERS._found, "process", _Here)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            ended = run(words)
    texts = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return _checked(subprocess.CompletedProcess(words, ended, *texts), code)


def in_a_process(
    *arguments: str | Path, code: int | None = 0, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """The same as a real process, whose trials have theirs."""
    done = subprocess.run(
        [*CIFARKIT, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=timeout,
    )
    return _checked(done, code)


def _checked(
    done: subprocess.CompletedProcess[str], code: int | None
) -> subprocess.CompletedProcess[str]:
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

"""Commands in this process whose trials train nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cifarkit.api import run as run_module
from cifarkit.cli.app import app
from cifarkit.errors import CifarkitError
from cifarkit.execution.launchers import InProcessLauncher


def train_nothing(
    monkeypatch: pytest.MonkeyPatch, work: str = "tests.execution.whole_work:whole"
) -> None:
    """Trials run in this process and leave the files of a trained one; nothing is fetched."""
    works = dict.fromkeys(run_module.WORK, work)
    monkeypatch.setattr(run_module, "WORK", works)
    monkeypatch.setattr(
        run_module.device_module, "place", lambda *_, **__: (InProcessLauncher(), 1)
    )
    monkeypatch.setattr(run_module, "_fetch", lambda specs: None)


def cifarkit(*arguments: str | Path) -> Result:
    """A command, with what its errors say on standard error as in a process."""
    words: Sequence[str] = [str(argument) for argument in arguments]
    before, sys.argv = sys.argv, ["cifarkit", *words]
    try:
        done = CliRunner().invoke(app, words)
    finally:
        sys.argv = before
    assert isinstance(done.exception, SystemExit | CifarkitError | None), done.exception
    return done


def error_of(done: Result) -> str:
    """The message of an error that the user can fix."""
    assert isinstance(done.exception, CifarkitError), done.output
    return str(done.exception)


def headings(report: Any) -> list[str]:
    """The chapters of a report in Markdown that are of studies."""
    found = [line[3:] for line in report.stdout.splitlines() if line.startswith("## ")]
    return [text for text in found if text not in ("Summary",
                                                   "How this was measured", "Notes")]  # fmt: skip

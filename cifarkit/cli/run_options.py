"""Options for running trials, shared by all commands that run them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

PANEL = "Running"
RUNS_DEFAULT = Path("runs")


class KeptWeights(StrEnum):
    """Which weights of a finished trial are kept."""

    NONE = "none"
    BEST = "best"


def _checked_name(text: str | None) -> str | None:
    from cifarkit.store.studies import checked_name

    return None if text is None else checked_name(text, "--name")


def _checked_launcher(name: str | None) -> str | None:
    from cifarkit.execution.launchers import LAUNCHERS

    if name is not None:
        LAUNCHERS.get(name)
    return name


def _checked_callbacks(names: list[str]) -> list[str]:
    from cifarkit.execution.callbacks import CALLBACKS

    for name in names:
        CALLBACKS.get(name)
    return names


RUN: dict[str, Any] = {
    "seeds": Annotated[
        int | None,
        typer.Option(
            "--seeds", min=1, rich_help_panel=PANEL, help="Number of seeds of each setting."
        ),
    ],
    "name": Annotated[
        str | None,
        typer.Option(
            "--name",
            rich_help_panel=PANEL,
            callback=_checked_name,
            help="Name of the study in the store.",
            show_default="made of what it varies, the data and a digest",
        ),
    ],
    "runs": Annotated[
        Path, typer.Option("--runs", rich_help_panel=PANEL, help="The folder of results.")
    ],
    "jobs": Annotated[
        int,
        typer.Option(
            "--jobs", min=1, rich_help_panel=PANEL, help="Number of trials run in parallel."
        ),
    ],
    "timeout": Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0.001, rich_help_panel=PANEL, help="Limit on each trial, in seconds."
        ),
    ],
    "silence_timeout": Annotated[
        float | None,
        typer.Option(
            "--silence-timeout",
            min=0.001,
            rich_help_panel=PANEL,
            help="End a trial that reports nothing for this many seconds; compiling is silent.",
        ),
    ],
    "memory_limit": Annotated[
        float | None,
        typer.Option(
            "--memory-limit",
            min=1,
            rich_help_panel=PANEL,
            help="Limit on the resident memory of each trial, in MB.",
        ),
    ],
    "oom_backoff": Annotated[
        bool,
        typer.Option(
            "--oom-backoff",
            rich_help_panel=PANEL,
            help="Retry a trial that runs out of memory with smaller micro-batches.",
        ),
    ],
    "keep_weights": Annotated[
        KeptWeights,
        typer.Option(
            "--keep-weights",
            rich_help_panel=PANEL,
            help="Keep the trained weights in the trial's folder, for --weights trial:ID.",
        ),
    ],
    "strict": Annotated[
        bool,
        typer.Option(
            "--strict",
            rich_help_panel=PANEL,
            help="Refuse images that cannot be decoded; otherwise up to 1% of them are left out.",
        ),
    ],
    "launcher": Annotated[
        str | None,
        typer.Option(
            "--launcher",
            rich_help_panel=PANEL,
            callback=_checked_launcher,
            help="How trials are run: process, in-process, or a launcher of an installed package.",
            show_default="process",
        ),
    ],
    "callbacks": Annotated[
        list[str],
        typer.Option(
            "--callback",
            rich_help_panel=PANEL,
            callback=_checked_callbacks,
            help="A callback of an installed package, such as a tracker. May be repeated.",
            show_default=False,
        ),
    ],
    "dry_run": Annotated[
        bool,
        typer.Option(
            "--dry-run",
            rich_help_panel=PANEL,
            help="List the trials with their parameters and estimated memory; train nothing.",
        ),
    ],
}
"""How trials are run. Only `--oom-backoff` may change a result, and notes it there."""

RUN_DEFAULTS: dict[str, Any] = {
    "runs": RUNS_DEFAULT,
    "jobs": 1,
    "oom_backoff": False,
    "keep_weights": KeptWeights.NONE,
    "strict": False,
    "callbacks": [],
    "dry_run": False,
}

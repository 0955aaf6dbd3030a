"""`cifarkit watch`: follows a store in a terminal."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT
from cifarkit.cli.signals import Interrupted


def watch(
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    once: Annotated[
        bool, typer.Option("--once", help="Show it once and end, as without a terminal.")
    ] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 2.0,
) -> None:
    """Follow the studies that other processes or machines work on, until Ctrl-C."""
    from cifarkit.api.watch import watch as show

    try:
        show(runs, once=once, every=every)
    except Interrupted as end:
        if end.exit_code != 128 + signal.SIGINT:
            raise

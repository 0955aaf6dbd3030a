"""`cifarkit train`: trains a stored trial again, for its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT


def train(
    trial: Annotated[
        str,
        typer.Argument(
            help="A trial's id or its first letters; a study's name, for what it chose; or 'best'.",
        ),
    ],
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    keep_precision: Annotated[
        Literal["float32", "float16"],
        typer.Option(help="Of the kept weights; float16 takes half of the space."),
    ] = "float32",
) -> None:
    """Train a complete trial again and keep its weights.

    They are kept only if it predicts what it did before. On a CPU of the same model, with the same
    versions, a training repeats to the last bit.
    """
    from cifarkit.api.train import train as train_again
    from cifarkit.console import say

    found = train_again(trial, runs, keep_precision=keep_precision)
    bits = "to the last bit" if found.same_probabilities else "with the same classes"
    say(f"Kept the weights of {found.trial_id}: it predicts what it did, {bits}.", "green")
    for line in found.elsewhere:
        say(line, "yellow")

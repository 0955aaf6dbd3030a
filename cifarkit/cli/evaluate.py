"""`cifarkit evaluate`: the evaluation of one trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.report import Format
from cifarkit.cli.run_options import RUNS_DEFAULT


def evaluate(
    target: Annotated[
        str,
        typer.Argument(
            help="A trial's id or its first letters; 'best', the complete trial of the highest "
            "validation accuracy; or the path of a predictions.npz.",
        ),
    ],
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    study: Annotated[
        str | None,
        typer.Option(help="Choose the best among this study's trials.", show_default="all"),
    ] = None,
    format: Annotated[
        Format, typer.Option(help="What to write; csv has a row per class.")
    ] = Format.MARKDOWN,
    figures: Annotated[
        Path | None,
        typer.Option(help="Draw the figures into this folder and refer to them.", file_okay=False),
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="How many confused pairs to show.")] = 10,
) -> None:
    """Write one network's test accuracy, per class too, its confusions and its calibration."""
    from cifarkit.api.evaluate import evaluate as evaluate_trial

    written = evaluate_trial(target, runs, study=study)
    typer.echo(written.document(format.value, figures=figures, pairs=pairs), nl=False)

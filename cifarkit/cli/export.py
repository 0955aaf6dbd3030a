"""`cifarkit export`: a trained network in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT


def export(
    model: Annotated[
        str,
        typer.Argument(
            help="A trial's id or its first letters; a study's name, for what it chose; or 'best', "
            "the complete trial of the highest validation accuracy.",
        ),
    ],
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    format: Annotated[
        Literal["keras", "savedmodel", "onnx", "litert"],
        typer.Option(help="The format; onnx and litert (TensorFlow Lite) need an extra."),
    ] = "keras",
    output: Annotated[
        Path | None,
        typer.Option(help="The new folder.", show_default="export-TRIAL-FORMAT"),
    ] = None,
    quantize: Annotated[
        Literal["int8"] | None,
        typer.Option(help="Compute a LiteRT model in 8-bit integers."),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(help="Compare on so many test images; 0 for none.", min=0, show_default="all"),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="The most that a probability may differ from the trial's; with --quantize, the "
            "share of images that may be given another class.",
            min=0,
            show_default="0.01, or 0.05",
        ),
    ] = None,
) -> None:
    """Write a trained network to a folder, with a model card, and check it against its trial.

    The model takes uint8 images in RGB, resizes and preprocesses them, and gives probabilities. It
    is run by its own runtime on test images; if it does not predict what the trial did, it is
    removed.
    """
    from cifarkit.api.export import export as write
    from cifarkit.console import busy, say

    with busy(f"Exporting {model} ..."):
        done = write(
            model,
            runs,
            format=format,
            output=output,
            quantize=quantize,
            images=images,
            tolerance=tolerance,
        )
    for sentence in (*done.agreement.sentences, *done.notes):
        say(sentence)
    typer.echo(str(done.folder))
    say(f"{done.record.file}: {done.record.size_bytes / 1e6:,.2f} MB", "green")

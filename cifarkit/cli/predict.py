"""`cifarkit predict`: the classes of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT


def predict(
    model: Annotated[
        str,
        typer.Argument(
            help="What `cifarkit export` wrote; a trial's id or its first letters; a study's name, "
            "for what it chose; or 'best', the trial of the highest validation accuracy.",
        ),
    ],
    images: Annotated[
        list[str],
        typer.Argument(
            help="Image files, folders of them, patterns ('photos/**/*.jpg'), or - for a list of "
            "them on standard input, one on a line.",
        ),
    ],
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    top: Annotated[int, typer.Option(help="How many classes of each image.", min=1)] = 1,
    format: Annotated[
        Literal["table", "csv", "jsonl"],
        typer.Option(help="The output format; jsonl has a JSON object on each line."),
    ] = "table",
    batch_size: Annotated[int, typer.Option(help="Images in memory at once.", min=1)] = 32,
) -> None:
    """Classify images with a trained network.

    Images that cannot be decoded are named and left out. An exported ONNX or LiteRT file needs no
    TensorFlow. Exit code 1 if no image could be classified.
    """
    import sys

    from cifarkit.api.load_model import load_model
    from cifarkit.console import busy, counting, plain_or_rich_table, say
    from cifarkit.deploy.images import files
    from cifarkit.errors import InvalidInput
    from cifarkit.text import counted, plain

    listed = [line.rstrip("\n") for line in sys.stdin if line.strip()] if "-" in images else []
    named = [path for one in images if one != "-" for path in files(Path(one))]
    for path in named:
        if not path.exists():
            raise InvalidInput(f"there is no image {path}")
    named += [path for line in listed for path in files(Path(line))]
    if not named:
        raise InvalidInput("IMAGES: there are none in the list on standard input")
    with busy(f"Loading {model} ..."):
        loaded = load_model(model, runs)
    with counting("Classifying", len(named)) as tell:
        found = loaded.predict(named, batch_size=batch_size, on_batch=tell)
    if format == "table" and sys.stdout.isatty():
        ranks = range(1, min(top, len(found.class_names)) + 1)
        rows = [
            [name, *(f"{label} {p:.3f}" for label, p in row)]
            for name, row in zip(found.names, found.top(top), strict=True)
        ]
        plain_or_rich_table(loaded.title, ["Image", *(f"Top {rank}" for rank in ranks)], rows)
    else:
        typer.echo(found.document(format, top), nl=False)
    for name, why in found.left_out.items():
        say(f"left out: {plain(name)}: {why}", "yellow")
    if found.left_out:
        say(f"{counted(len(found.left_out), 'image')} of {len(named):,} left out", "yellow")
    if not len(found):
        raise typer.Exit(1)

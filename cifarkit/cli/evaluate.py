"""`cifarkit evaluate`: the evaluation of trained networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.report import FigureFormat, Format
from cifarkit.cli.run_options import RUNS_DEFAULT

PAIRS = 10


def evaluate(
    targets: Annotated[
        list[str],
        typer.Argument(
            help="A trial's id or its first letters; 'best', the complete trial of the highest "
            "validation accuracy; or an .npz, .csv or .parquet file of predictions. "
            "Several of these are compared. 'all' evaluates every trial of --study. With "
            "--dataset, also a study's name or what `cifarkit export` wrote.",
        ),
    ],
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    study: Annotated[
        str | None,
        typer.Option(help="The study whose best trial, or all of whose trials, are evaluated."),
    ] = None,
    class_names: Annotated[
        str | None,
        typer.Option(help="The classes of a file of predictions, by label: apple,bear,..."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Run the network on other data: cifar100, photos/. Of a file of predictions, the "
            "data set that names its classes."
        ),
    ] = None,
    format: Annotated[
        Format,
        typer.Option(help="The output format; csv has a row per class, or per model of several."),
    ] = "markdown",
    figures: Annotated[
        Path | None,
        typer.Option(help="Draw the figures into this folder and refer to them.", file_okay=False),
    ] = None,
    figure_format: Annotated[
        FigureFormat, typer.Option(help="The format of the files in that folder.")
    ] = "png",
    pairs: Annotated[int, typer.Option(min=1, help="How many confused pairs to show.")] = PAIRS,
    pair: Annotated[
        str | None,
        typer.Option(help="Show the confusions of these two classes: boy/man.", show_default=False),
    ] = None,
    explain: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=200,
            metavar="N",
            help="Explain N of the most confident mistakes and N random test images by Grad-CAM; "
            "the trial needs its weights (--keep-weights).",
        ),
    ] = None,
) -> None:
    """Write a network's accuracy, per class too, its confusions and its calibration."""
    from cifarkit.api.evaluate import ALL
    from cifarkit.api.evaluate import evaluate as evaluate_saved
    from cifarkit.api.evaluation_results import Evaluation
    from cifarkit.cli.setting_options import comma_separated
    from cifarkit.errors import InvalidInput

    names = class_names and comma_separated(class_names, "--class-names")
    several = len(targets) > 1 or targets == [ALL]
    single = {
        "--figures": figures,
        "--figure-format": None if figure_format == "png" else figure_format,
        "--pair": pair,
        "--pairs": None if pairs == PAIRS else pairs,
        "--explain": explain,
    }
    for option in (name for name, value in single.items() if several and value is not None):
        raise InvalidInput(
            f"{option} is for one network: give one trial or file, not {' '.join(targets)!r}"
        )
    found = evaluate_saved(
        targets if several else targets[0],
        runs,
        study=study,
        class_names=names or None,
        dataset=dataset,
        explain=explain,
    )
    if isinstance(found, Evaluation):
        text = found.document(
            format, figures=figures, figure_format=figure_format, pairs=pairs, pair=pair
        )
    else:
        text = found.document(format)
    typer.echo(text, nl=False)

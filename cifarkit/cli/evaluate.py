"""`cifarkit evaluate`: what one trained network gets right and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.report import Format
from cifarkit.cli.run_options import RUNS_DEFAULT

BEST = "best"


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
    from cifarkit.cli.console import say
    from cifarkit.cli.open_store import existing_store
    from cifarkit.errors import InvalidInput
    from cifarkit.report import evaluation_result, trial_lookup
    from cifarkit.report.evaluation_report import evaluation

    if study is not None and target != BEST:
        raise InvalidInput(f"--study chooses among several trials: say 'best', not {target!r}")
    if target == BEST:
        found = trial_lookup.best(existing_store(runs), study)
        for line in trial_lookup.described(found):
            say(line)
        scores = evaluation_result.of_trial(found.record)
    elif _is_path(target):
        scores = evaluation_result.of_file(Path(target))
    else:
        scores = evaluation_result.of_trial(trial_lookup.named(existing_store(runs), target))
    typer.echo(evaluation(scores, format=format.value, figures_dir=figures, pairs=pairs), nl=False)


def _is_path(target: str) -> bool:
    """A trial's id has neither a folder nor a suffix."""
    return target.endswith(".npz") or Path(target).name != target

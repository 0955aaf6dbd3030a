"""`cifarkit report`: the document of what a store holds."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.running import RUNS_DEFAULT


class Format(StrEnum):
    """What the document is written in."""

    MARKDOWN = "markdown"
    HTML = "html"
    LATEX = "latex"
    CSV = "csv"
    JSON = "json"


def report(
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    study: Annotated[
        list[str] | None,
        typer.Option(help="Only this study, by its name; may be repeated.", show_default="all"),
    ] = None,
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.MARKDOWN,
    published: Annotated[
        bool, typer.Option("--published", help="Show the published study's columns beside ours.")
    ] = False,
    figures: Annotated[
        Path | None,
        typer.Option(help="Draw the figures into this folder and refer to them.", file_okay=False),
    ] = None,
) -> None:
    """Write the tables, figures and conclusions of all studies in the store to standard output."""
    from cifarkit.cli.console import say
    from cifarkit.errors import InvalidInput, unknown
    from cifarkit.reporting.document import document
    from cifarkit.trials.gather import gather
    from cifarkit.trials.store import Store

    store = Store(runs)
    studies = store.studies(lambda error: say(f"left out: {error}", "yellow"))
    if not studies:
        raise InvalidInput(
            f"--runs: there is no study in {runs}; make one first (cifarkit zoo --help)"
        )
    if study:
        names = {found.name for found in studies}
        for wanted in study:
            if wanted not in names:
                raise unknown("--study", wanted, names)
        studies = [found for found in studies if found.name in study]
    trials = gather(store, studies)
    for unreadable in trials.unreadable.values():
        say(str(unreadable), "yellow")
    typer.echo(
        document(
            studies,
            trials,
            format=format.value,
            published=published,
            figures_dir=figures,
        ),
        nl=False,
    )

"""`cifarkit report`: the document of a store's studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT

Format = Literal["markdown", "html", "latex", "csv", "json"]
FigureFormat = Literal["png", "svg", "pdf"]


def report(
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    study: Annotated[
        list[str] | None,
        typer.Option(help="Only this study, by its name; may be repeated.", show_default="all"),
    ] = None,
    format: Annotated[Format, typer.Option(help="The output format.")] = "markdown",
    published: Annotated[
        bool, typer.Option("--published", help="Show the published study's columns next to ours.")
    ] = False,
    figures: Annotated[
        Path | None,
        typer.Option(help="Draw the figures into this folder and refer to them.", file_okay=False),
    ] = None,
    figure_format: Annotated[
        FigureFormat, typer.Option(help="The format of the files in that folder.")
    ] = "png",
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="In Markdown, too, the whole report, as HTML and LaTeX always are."
        ),
    ] = False,
) -> None:
    """Write the appendix of all studies in the store: tables, conclusions, figures if asked for.

    HTML, LaTeX and --full are the whole report, with training curves, measured cost, accuracy on
    every split, results per class, provenance and settings.
    """
    from cifarkit.api.report import report as write_report

    text = write_report(
        runs,
        study=study,
        format=format,
        published=published,
        figures=figures,
        figure_format=figure_format,
        full=full,
    )
    typer.echo(text, nl=False)

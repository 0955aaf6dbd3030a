"""`cifarkit report`: the document of what a store holds."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT


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
    from cifarkit.cli.open_store import existing_store
    from cifarkit.errors import InvalidInput
    from cifarkit.report.document import document
    from cifarkit.report.trial_lookup import studies_named
    from cifarkit.store.studies import trials_of
    from cifarkit.store.trials import gather
    from cifarkit.text import counted

    store = existing_store(runs)
    studies = store.studies(lambda error: say(f"left out: {error}", "yellow"))
    if not studies:
        raise InvalidInput(
            f"--runs: there is no study in {runs}; make one first (cifarkit zoo --help)"
        )
    if study:
        names = {found.name for wanted in study for found in studies_named(studies, wanted)}
        studies = [found for found in studies if found.name in names]
    else:
        listed = {trial for found in studies for trial in trials_of(found)}
        if alone := len(set(store.trial_ids()) - listed):
            say(
                f"not in this report, since no study lists them: {counted(alone, 'trial')}; "
                "`cifarkit store list` shows all, and the command that made them lists them again",
                "yellow",
            )
    # The learning curves and the raw numbers are made of histories, nothing else is.
    histories = figures is not None or format in (Format.HTML, Format.JSON)

    def written() -> str:
        trials = gather(store, studies, whole=histories)
        for unreadable in trials.unreadable.values():
            say(str(unreadable), "yellow")
        return document(
            studies, trials, format=format.value, published=published, figures_dir=figures
        )

    with _no_collection():
        text = written()
    typer.echo(text, nl=False)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without garbage collection: nearly everything that a report makes is kept to its end.

    Of a report of thousands of trials, looking for garbage takes a fifth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

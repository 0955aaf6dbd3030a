"""`cifarkit verify`: compares a written report with its store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT


def verify(
    document: Annotated[
        Path, typer.Argument(help="What `cifarkit report` wrote in Markdown, HTML, LaTeX or JSON.")
    ],
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    retrain: Annotated[
        int,
        typer.Option(
            help="Train so many of its trials again, drawn at random, and compare.", min=0
        ),
    ] = 0,
) -> None:
    """Write a report again from the store and say which of its numbers differ.

    The test accuracy of every trial is counted again from its saved predictions. Exit code 1 if
    anything differs.
    """
    from cifarkit.api.verify import verify as compare
    from cifarkit.console import plain_or_rich_table, say
    from cifarkit.text import counted

    found = compare(document, runs, retrain=retrain)
    for note in found.notes:
        say(note, "yellow")
    for one in found.retrained:
        if not one.failure:
            bits = "to the last bit" if one.same_probabilities else "not to the last bit"
            same = (
                f"the same accuracy and predictions, {bits}" if one.equal else "other predictions"
            )
            say(f"Trial {one.trial_id}, trained again: {same}.")
    again = f"the test accuracy of {counted(found.trials, 'trial')} was counted again"
    if not found.differences:
        say(f"{document} is what the store gives; {again}.", "green")
        return
    rows = [(one.place, one.stated, one.found) for one in found.differences]
    plain_or_rich_table("What differs", ["Where", "Document", "Store"], rows)
    say(f"{counted(len(rows), 'difference')} between {document} and the store; {again}.", "red")
    raise typer.Exit(1)

"""Where the command line writes: results to standard output, all else to standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text


def messages() -> Console:
    """The console for progress and messages."""
    return Console(stderr=True, highlight=False)


def say(text: str, style: str = "") -> None:
    """One message, plain through a pipe."""
    messages().print(Text(text, style=style))


def plain_or_rich_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numeric: set[int] | frozenset[int] = frozenset(),
) -> None:
    """Print a table to standard output: drawn in a terminal, tab-separated through a pipe."""
    if not sys.stdout.isatty():
        for row in [header, *rows]:
            print("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    for index, name in enumerate(header):
        table.add_column(
            escape(name),
            justify="right" if index in numeric else "left",
            overflow="fold",
            no_wrap=index == 0 or index in numeric,
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)

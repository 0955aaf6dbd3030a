"""Console output: results to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cifarkit.text import plain

WORD = 12
"""Characters below which a column of texts should not shrink."""


def messages() -> Console:
    """The console for progress and messages."""
    return Console(stderr=True, highlight=False)


def say(text: str, style: str = "") -> None:
    """One message, plain through a pipe."""
    messages().print(Text(lines(text), style=style), soft_wrap=True)


def busy(text: str) -> AbstractContextManager[object]:
    """A spinner in a terminal, nothing elsewhere."""
    console = messages()
    return console.status(text) if console.is_terminal else nullcontext()


def lines(text: str) -> str:
    """A message sanitized for a terminal, line by line."""
    return "\n".join(map(plain, text.split("\n")))


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
            print("\t".join(map(plain, row)))
        return
    console = Console(highlight=False)
    table = Table(title=escape(plain(title)), title_justify="left", header_style="bold")
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    # Texts wrap; columns of numbers do not, unless their headings do.
    wanted = sum(n if i in numeric else min(n, WORD) for i, n in enumerate(widths))
    too_wide = wanted + 3 * len(widths) + 1 > console.width
    for index, name in enumerate(header):
        heading = plain(name)
        if index in numeric and too_wide:
            heading = heading.replace(" ", "\n")
        table.add_column(
            escape(heading),
            justify="right" if index in numeric else "left",
            overflow="fold",
            no_wrap=index == 0 or index in numeric,
        )
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console.print(table)

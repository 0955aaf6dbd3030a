"""Console output: results to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

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


@contextmanager
def counting(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar in a terminal, nothing elsewhere; yields what is called with how much is done."""
    console = messages()
    if not console.is_terminal:
        yield lambda done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done: bar.update(task, completed=done)


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
    """Print a table to standard output: drawn in a terminal, tab-separated through a pipe.

    A table that is too wide for the terminal is continued in further ones, each of which begins
    with the first column.
    """
    if not sys.stdout.isatty():
        for row in [header, *rows]:
            print("\t".join(map(plain, row)))
        return
    console = Console(highlight=False)
    columns = [[plain(cell) for cell in column] for column in zip(header, *rows, strict=True)]
    whole = [max(map(len, column)) for column in columns]
    # Headings break between words, texts wrap, the first column and numbers do neither.
    least = [
        max(
            max(map(len, heading.split()), default=0),
            max((len(c) if not i or i in numeric else min(len(c), WORD) for c in cells), default=0),
        )
        for i, (heading, *cells) in enumerate(columns)
    ]
    fits = sum(whole) + 3 * len(whole) + 1 <= console.width
    for number, shown in enumerate(_pages(least, console.width)):
        table = Table(
            title=escape(plain(title)) + (" (continued)" if number else ""),
            title_justify="left",
            header_style="bold",
        )
        for i in shown:
            table.add_column(
                escape(columns[i][0] if fits else columns[i][0].replace(" ", "\n")),
                justify="right" if i in numeric else "left",
                overflow="fold",
                no_wrap=i == 0 or i in numeric,
                min_width=min(least[i], console.width // 2),
            )
        for row in zip(*(columns[i][1:] for i in shown), strict=True):
            table.add_row(*map(Text, row))
        console.print(table)


def _pages(least: Sequence[int], width: int) -> list[list[int]]:
    """The columns of each table, given the fewest characters that each of them needs."""
    pages = [[0]]
    for index in range(1, len(least)):
        needed = sum(least[i] + 3 for i in [*pages[-1], index]) + 1
        if needed > width and len(pages[-1]) > 1:
            pages.append([0])
        pages[-1].append(index)
    return pages

"""Format-independent tables: raw values, their text, and headings."""

from __future__ import annotations

from dataclasses import dataclass

from cifarkit.reporting.formatting import GAP


@dataclass(frozen=True)
class Cell:
    """A raw value (or None) and its text."""

    raw: float | str | None = None
    text: str = GAP


def text_cell(text: str) -> Cell:
    return Cell(text, text)


@dataclass(frozen=True)
class Column:
    """A column's heading with its unit; numbers are right-aligned."""

    heading: str
    numeric: bool = True


def text_columns(*headings: str) -> tuple[Column, ...]:
    return tuple(Column(heading, numeric=False) for heading in headings)


def number_columns(*headings: str) -> tuple[Column, ...]:
    return tuple(map(Column, headings))


@dataclass(frozen=True)
class Table:
    """A table with its caption.

    Attributes:
        name: For files and labels: letters, digits, dashes.
        ordered: Whether its rows tell something in their order, so that it is not sorted.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    ordered: bool = False

    @property
    def headings(self) -> list[str]:
        return [column.heading for column in self.columns]

    def texts(self) -> list[list[str]]:
        """The formatted cells, row by row."""
        return [[cell.text for cell in row] for row in self.rows]

    def raw(self) -> list[dict[str, float | str | None]]:
        """The unformatted cells, each row by its headings."""
        return [
            {column.heading: cell.raw for column, cell in zip(self.columns, row, strict=True)}
            for row in self.rows
        ]

"""Format-independent model of a document.

Texts hold no markup and may hold any character: the renderers escape them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifarkit.reporting.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Items:
    """A bullet list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """A command line, shown verbatim."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn on demand.

    Attributes:
        name: The base name of its files: letters, digits, dashes.
        caption: What it is of.
        draw: Draws it; imports matplotlib.
        origin: What draws it, for the note if it fails.
        alt: What it shows, for readers who do not see it; if empty, its caption is.
    """

    name: str
    caption: str
    draw: Callable[[], Canvas]
    origin: str = "its drawing"
    alt: str = ""

    @property
    def in_words(self) -> str:
        """The alternative text."""
        return self.alt or self.caption


Block = Paragraph | Items | Command | Figure | Table


@dataclass(frozen=True)
class Section:
    """A heading and its content; `level` 2 is a chapter, 3 a section."""

    title: str
    level: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """Details for a look-up: titled parts of names and values; lines without a name are a log.

    Attributes:
        name: For links: letters, digits, dashes.
    """

    name: str
    title: str
    parts: Sequence[tuple[str, Sequence[tuple[str, str]]]]


@dataclass(frozen=True)
class Document:
    """A title and sections; `pages` follow the last one, folded, where a format can fold (HTML)."""

    title: str
    sections: tuple[Section, ...]
    pages: tuple[Page, ...] = ()

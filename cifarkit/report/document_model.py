"""What a document is made of, whatever it is written as.

Texts hold no markup and may hold any character: the renderers escape them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifarkit.report.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Items:
    """A list, one item a line."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """A command line, shown letter by letter."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn only where a document needs it.

    Attributes:
        name: Of its files: letters, digits, dashes.
        caption: What it shows; also its alternative text.
        draw: Makes it; this is where matplotlib is imported.
    """

    name: str
    caption: str
    draw: Callable[[], Canvas]


Block = Paragraph | Items | Command | Figure | Table


@dataclass(frozen=True)
class Section:
    """A heading with what is below it; `level` 2 is a chapter, 3 a part of one."""

    title: str
    level: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    title: str
    sections: tuple[Section, ...]

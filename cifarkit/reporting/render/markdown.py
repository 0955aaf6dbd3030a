"""Renders a document as Markdown for GitHub, pandoc and most editors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from urllib.parse import quote

from tabulate import tabulate

from cifarkit.reporting.document_model import Block, Command, Document, Figure, Items, Paragraph
from cifarkit.reporting.table import Table
from cifarkit.text import plain

# Only what opens a tag, an entity or emphasis: "p < 0.001" and "a_b" stay as they are. Pandoc would
# make a dash of two hyphens: "--seeds".
_SPECIAL = re.compile(r"[\\`*\[\]|$~]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|&(?=#?\w+;)|-(?=-)")
_OPENING = re.compile(r"^(\d+)([.)])(?=\s)|^([-+#=>])")


def write(document: Document, figures: Mapping[str, str]) -> str:
    """Render the document; figures are linked by path."""
    numbers = {Table: count(1), Figure: count(1)}
    parts = [f"# {escaped(document.title)}"]
    for section in document.sections:
        parts.append(f"{'#' * section.level} {escaped(section.title)}")
        for block in section.blocks:
            if text := _block(block, figures, numbers):
                parts.append(text)
    return "\n\n".join(parts) + "\n"


def pipe_table(
    headings: Sequence[str], right: Sequence[bool], rows: Sequence[Sequence[str]]
) -> str:
    """A pipe table, padded so that it is readable as plain text too."""
    header, *body = [[escaped(text) for text in row] for row in (headings, *rows)]
    align = ["right" if end else "left" for end in right]
    return tabulate(body, header, tablefmt="pipe", colalign=align, disable_numparse=True)


def escaped(text: str) -> str:
    """Text on one line that Markdown shows letter by letter, in a cell too.

    Backslashes, not entities: the source stays readable (CommonMark 2.4, GitHub, pandoc). A `<`
    that could open a tag is an entity all the same: some renderers do not know a backslash there.
    """
    return _SPECIAL.sub(_replacement, plain(text))


def _replacement(found: re.Match[str]) -> str:
    return "&lt;" if found.group() == "<" else f"\\{found.group()}"


def _block(block: Block, figures: Mapping[str, str], numbers: Mapping[type, Iterator[int]]) -> str:
    match block:
        case Table():
            caption = f"**Table {next(numbers[Table])}.** {escaped(block.caption)}"
            right = [column.numeric for column in block.columns]
            return f"{caption}\n\n{pipe_table(block.headings, right, block.texts())}"
        case Figure():
            if block.name not in figures:
                return ""
            caption = escaped(block.caption)
            path = quote(figures[block.name], safe="/:~.-_")
            image = f"![{escaped(block.in_words)}]({path})"
            # One paragraph: of an image alone in one, Pandoc makes a figure with a second caption.
            return f"{image}\\\n**Figure {next(numbers[Figure])}.** {caption}."
        case Paragraph():
            return _paragraph(block.text)
        case Items():
            return "\n".join(f"- {_paragraph(item)}" for item in block.items)
        case Command():
            text = plain(block.text)
            longest = max((len(run) for run in re.findall("`+", text)), default=0)
            fence = "`" * max(3, longest + 1)
            return f"{fence}\n{text}\n{fence}"


def _paragraph(text: str) -> str:
    """What would open a list or a heading at the start of a line does not."""
    return _OPENING.sub(
        lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", escaped(text), count=1
    )

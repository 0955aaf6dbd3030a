"""HTML as one file: no style sheet, script or image outside it."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from math import isfinite
from pathlib import Path

from cifarkit.digests import digest
from cifarkit.reporting.document_model import (
    Block,
    Command,
    Document,
    Figure,
    Items,
    Page,
    Paragraph,
)
from cifarkit.reporting.render.inline_svg import Drawing, inline_svg
from cifarkit.reporting.table import Cell, Column, Table
from cifarkit.text import plain

_ASSETS = Path(__file__).parent
_SORTABLE_ROWS = 3
"""A table of fewer rows is not sorted."""


def write(document: Document, figures: Mapping[str, str | Drawing]) -> str:
    """The document as a page; a figure is a drawing, or an image at its URL.

    The page may load nothing, and runs no script but its own, whatever its texts say.
    """
    script = _asset("page.js")
    hashed = base64.b64encode(bytes.fromhex(digest([script.encode()]))).decode("ascii")
    allowed = f"img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; {allowed}\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(document.title)}</title>\n"
        f"<style>\n{_asset('content.css')}{_asset('page.css')}</style>\n</head>\n"
        f"<body>\n{_contents(document)}\n<main>\n{_body(document, figures)}\n</main>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def fragment(document: Document, figures: Mapping[str, str | Drawing]) -> str:
    """The document for the inside of a page, such as a notebook's cell, whose style it leaves."""
    return (
        f'<div class="cifarkit"><style>.cifarkit {{{_asset("content.css")}}}</style>\n'
        f"{_body(document, figures)}\n</div>"
    )


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _contents(document: Document) -> str:
    """The sidebar: a link to every section, those of chapters with their sections below."""
    items = "\n".join(
        f'<li class="level-{section.level}">'
        f'<a href="#section-{number}">{escaped(section.title) or "(untitled)"}</a></li>'
        for number, section in enumerate(document.sections, 1)
    )
    return f'<nav aria-label="Contents">\n<ul>\n{items}\n</ul>\n</nav>'


def _body(document: Document, figures: Mapping[str, str | Drawing]) -> str:
    numbers = {Table: count(1), Figure: count(1)}
    parts = [f"<h1>{escaped(document.title)}</h1>"]
    for number, section in enumerate(document.sections, 1):
        heading = f"h{section.level}"
        parts.append(f'<{heading} id="section-{number}">{escaped(section.title)}</{heading}>')
        for block in section.blocks:
            if text := _block(block, figures, numbers):
                parts.append(text)
    return "\n".join([*parts, *map(_page, document.pages)])


def _page(page: Page) -> str:
    parts = []
    for title, values in page.parts:
        if lines := [text for name, text in values if not name]:
            log = "\n".join(map(escaped, lines))
            parts.append(f"<p><b>{escaped(title)}</b></p>\n<pre>{log}</pre>")
        elif values:
            rows = "\n".join(
                f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(text)}</td></tr>'
                for name, text in values
            )
            parts.append(
                f'<table class="facts"><caption><b>{escaped(title)}</b></caption>\n'
                f"<tbody>\n{rows}\n</tbody></table>"
            )
    inside = "\n".join(parts)
    return (
        f'<details id="{escaped(page.name)}"><summary>{escaped(page.title)}</summary>\n'
        f"{inside}\n</details>"
    )


def escaped(text: str) -> str:
    """Text on one line, every character shown as it is."""
    return html.escape(plain(text))


def _block(
    block: Block, figures: Mapping[str, str | Drawing], numbers: Mapping[type, Iterator[int]]
) -> str:
    match block:
        case Table():
            return _table(block, next(numbers[Table]))
        case Figure():
            if block.name not in figures:
                return ""
            return _figure(block, figures[block.name], next(numbers[Figure]))
        case Paragraph():
            return f"<p>{escaped(block.text)}</p>"
        case Items():
            items = "\n".join(f"<li>{escaped(item)}</li>" for item in block.items)
            return f"<ul>\n{items}\n</ul>"
        case Command():
            return f"<pre><code>{escaped(block.text)}</code></pre>"


def _figure(figure: Figure, source: str | Drawing, number: int) -> str:
    shown = escaped(figure.caption)
    if isinstance(source, Drawing):
        image = inline_svg(source, f"figure-{number}", plain(figure.in_words))
    else:
        image = f'<img src="{html.escape(source)}" alt="{escaped(figure.in_words)}">'
    return (
        f'<figure><div class="wide" tabindex="0" role="region" aria-label="Figure {number}">'
        f"{image}</div><figcaption><b>Figure {number}.</b> {shown}.</figcaption></figure>"
    )


def _table(table: Table, number: int) -> str:
    heads = "".join(_head(column) for column in table.columns)
    rows = "\n".join(f"<tr>{_row(row, table.columns)}</tr>" for row in table.rows)
    sorts = len(table.rows) >= _SORTABLE_ROWS and not table.ordered
    sortable = ' class="sortable"' if sorts else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="Table {number}">'
        f'<table id="{escaped(table.name)}"{sortable}>\n'
        f"<caption><b>Table {number}.</b> {escaped(table.caption)}</caption>\n"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _row(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    return "".join(_cell(cell, column) for cell, column in zip(row, columns, strict=True))


def _head(column: Column) -> str:
    kind = ' class="number"' if column.numeric else ""
    return f'<th scope="col"{kind}>{escaped(column.heading)}</th>'


def _cell(cell: Cell, column: Column) -> str:
    kind = ' class="number"' if column.numeric else ""
    number = isinstance(cell.raw, int | float) and isfinite(cell.raw)
    value = f' data-value="{cell.raw:.12g}"' if number else ""
    return f"<td{kind}{value}>{escaped(cell.text)}</td>"

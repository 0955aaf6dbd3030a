"""HTML as one file: no style sheet, script or image outside it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from cifarkit.reporting.document_model import Block, Command, Document, Figure, Items, Paragraph
from cifarkit.reporting.table import Cell, Column, Table
from cifarkit.text import plain

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
.wide { overflow-x: auto; margin: 1.5rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { padding: .3rem .7rem; text-align: left; vertical-align: top; }
th { border-top: 2px solid #333; border-bottom: 1px solid #333; vertical-align: bottom; }
tbody tr:last-child td { border-bottom: 2px solid #333; }
tbody tr:nth-child(even) { background: #f6f6f6; }
.number { text-align: right; white-space: nowrap; }
figure { margin: 1.5rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption { font-size: .9rem; color: #444; }
pre { background: #f6f6f6; padding: .6rem .8rem; overflow-x: auto; }
@media print { body { max-width: none; } .wide, figure { break-inside: avoid; } }
"""


def write(document: Document, figures: Mapping[str, str]) -> str:
    """The document; a figure is an image at its URL, which may be a data URL."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(document.title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{_body(document, figures)}\n</body>\n</html>\n"
    )


def fragment(document: Document, figures: Mapping[str, str]) -> str:
    """The document for the inside of a page, such as a notebook's cell, whose style it leaves."""
    return (
        f'<div class="cifarkit"><style>.cifarkit {{{_STYLE}}}</style>\n'
        f"{_body(document, figures)}\n</div>"
    )


def _body(document: Document, figures: Mapping[str, str]) -> str:
    numbers = {Table: count(1), Figure: count(1)}
    parts = [f"<h1>{escaped(document.title)}</h1>"]
    for section in document.sections:
        parts.append(f"<h{section.level}>{escaped(section.title)}</h{section.level}>")
        for block in section.blocks:
            if text := _block(block, figures, numbers):
                parts.append(text)
    return "\n".join(parts)


def escaped(text: str) -> str:
    """Text on one line, every character shown as it is."""
    return html.escape(plain(text))


def _block(block: Block, figures: Mapping[str, str], numbers: Mapping[type, Iterator[int]]) -> str:
    match block:
        case Table():
            return _table(block, next(numbers[Table]))
        case Figure():
            if block.name not in figures:
                return ""
            caption = escaped(block.caption)
            return (
                f'<figure><img src="{html.escape(figures[block.name])}" alt="{caption}">'
                f"<figcaption><b>Figure {next(numbers[Figure])}.</b> {caption}.</figcaption>"
                "</figure>"
            )
        case Paragraph():
            return f"<p>{escaped(block.text)}</p>"
        case Items():
            items = "\n".join(f"<li>{escaped(item)}</li>" for item in block.items)
            return f"<ul>\n{items}\n</ul>"
        case Command():
            return f"<pre><code>{escaped(block.text)}</code></pre>"


def _table(table: Table, number: int) -> str:
    heads = "".join(_cell("th", escaped(c.heading), c) for c in table.columns)
    rows = "\n".join(f"<tr>{_row(row, table.columns)}</tr>" for row in table.rows)
    return (
        f'<div class="wide"><table id="{escaped(table.name)}">\n'
        f"<caption><b>Table {number}.</b> {escaped(table.caption)}</caption>\n"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _row(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    return "".join(
        _cell("td", escaped(cell.text), column) for cell, column in zip(row, columns, strict=True)
    )


def _cell(tag: str, text: str, column: Column) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    kind = ' class="number"' if column.numeric else ""
    return f"<{tag}{scope}{kind}>{text}</{tag}>"

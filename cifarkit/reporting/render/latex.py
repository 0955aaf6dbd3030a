"""Renders a document as a LaTeX fragment with booktabs tables."""

from __future__ import annotations

from collections.abc import Mapping

from cifarkit.reporting.document_model import Block, Command, Document, Figure, Items, Paragraph
from cifarkit.reporting.table import Table
from cifarkit.text import plain

_HEAD = r"""% Put \usepackage[T1]{fontenc}, \usepackage{textcomp}, \usepackage{booktabs},
% \usepackage{longtable} and \usepackage{graphicx} in the preamble, and \input{} this file. Names
% in a script that the document's font lacks need XeLaTeX or LuaLaTeX, with a font that has it.
% Figures are found by the path that was given, relative to the main document."""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "²": r"$^{2}$",
    "³": r"$^{3}$",
    "⁰": r"$^{0}$",
    "⁹": r"$^{9}$",
    # A bracket at the start of a row would be parsed as an option of `\\`.
    "[": "{[}",
    "]": "{]}",
}
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"
"""Shrinks a table that is wider than the text."""
_ONE_PAGE = 40
"""Tables with more rows do not fit a page."""
_LEVELS = {2: "section", 3: "subsection"}


def write(document: Document, figures: Mapping[str, str]) -> str:
    """Render the document; figures are included by path."""
    parts = [_HEAD, f"% {escaped(document.title)}"]
    for section in document.sections:
        parts.append(f"\\{_LEVELS[section.level]}{{{escaped(section.title)}}}")
        for block in section.blocks:
            if text := _block(block, figures):
                parts.append(text)
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text on one line, escaped for LaTeX."""
    text = plain(text)
    return "".join(
        # Two hyphens in a row would become a dash.
        "-{}" if character == following == "-" else _SPECIAL.get(character, character)
        for character, following in zip(text, (text + " ")[1:], strict=True)
    )


def _block(block: Block, figures: Mapping[str, str]) -> str:
    match block:
        case Table():
            return _table(block)
        case Figure():
            return _figure(block, figures[block.name]) if block.name in figures else ""
        case Paragraph():
            return escaped(block.text)
        case Items():
            items = "\n".join(f"  \\item {escaped(item)}" for item in block.items)
            return f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}"
        case Command():
            return f"\\begin{{quote}}\\ttfamily {escaped(block.text)}\\end{{quote}}"


def _table(table: Table) -> str:
    layout = "".join("r" if column.numeric else "l" for column in table.columns)
    if len(table.rows) > _ONE_PAGE:
        return _long_table(table, layout)
    lines = [_line(table.headings), r"\midrule", *map(_line, table.texts())]
    body = "\n".join(lines)
    tabular = f"\\begin{{tabular}}{{{layout}}}\n\\toprule\n{body}\n\\bottomrule\n\\end{{tabular}}"
    return (
        "\\begin{table}[htbp]\n\\centering\\small\n"
        f"\\caption{{{escaped(table.caption)}}}\\label{{tab:{table.name}}}\n"
        f"{_FIT}{{%\n{tabular}%\n}}\n\\end{{table}}"
    )


def _long_table(table: Table, layout: str) -> str:
    """A table that may break across pages, repeating its headings."""
    rows = "\n".join(map(_line, table.texts()))
    return (
        f"{{\\scriptsize\\setlength{{\\tabcolsep}}{{3pt}}\n\\begin{{longtable}}{{{layout}}}\n"
        f"\\caption{{{escaped(table.caption)}}}\\label{{tab:{table.name}}}\\\\\n"
        f"\\toprule\n{_line(table.headings)}\n\\midrule\n\\endfirsthead\n"
        f"\\toprule\n{_line(table.headings)}\n\\midrule\n\\endhead\n"
        f"\\bottomrule\n\\endfoot\n{rows}\n\\end{{longtable}}}}"
    )


def _line(cells: list[str]) -> str:
    return f"{' & '.join(map(escaped, cells))} \\\\"


def _figure(figure: Figure, path: str) -> str:
    return (
        "\\begin{figure}[htbp]\n\\centering\n"
        f"\\includegraphics[width=\\linewidth]{{\\detokenize{{{path}}}}}\n"
        f"\\caption{{{escaped(figure.caption)}.}}\\label{{fig:{figure.name}}}\n\\end{{figure}}"
    )

"""Renders a document as LaTeX: a file that compiles by itself and can be input into another."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

from cifarkit.reporting.document_model import Block, Command, Document, Figure, Items, Paragraph
from cifarkit.reporting.table import Table
from cifarkit.text import listed, plain

_HEAD = r"""% Compiles by itself: pdflatex, twice for its references. Or \input{} it into a document
% with \usepackage[T1]{fontenc} and \usepackage{textcomp,array,booktabs,longtable,graphicx}. Figures
% are found by the path that was given, relative to the main document. A character that the font
% lacks is shown as its number, [U+1F600]. Tested with pdfLaTeX.
\ifdefined\Umathcode
\protected\def\cifarkitchar#1#2{\iffontchar\font"#1 #2\else[U+#1]\fi}
\else
\protected\def\cifarkitchar#1#2{[U+#1]}
\fi
\edef\cifarkithash{\string#}
\expandafter\ifx\csname KV@Gin@alt\endcsname\relax % graphics of 2021 or earlier
\expandafter\def\csname KV@Gin@alt\endcsname#1{}
\fi
\expandafter\ifx\csname @classoptionslist\endcsname\relax % no document yet
\documentclass[10pt]{article}
\usepackage[a4paper,margin=25mm]{geometry}
\ifdefined\Umathcode\else\usepackage[T1]{fontenc}\usepackage[utf8]{inputenc}\fi
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage{textcomp,array,booktabs,longtable,graphicx}
\ifdefined\extrafloats\extrafloats{200}\fi
\setlength\emergencystretch{3em}
\title{@TITLE@}\author{}\date{}
\begin{document}
\maketitle
\def\cifarkitend{\end{document}}
\else
\def\cifarkitend{}
\fi"""
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
    "\N{MINUS SIGN}": "$-$",
    "→": r"$\to$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    **{digit: f"$^{{{number}}}$" for number, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    # A bracket at the start of a row would be parsed as an option of `\\`.
    "[": "{[}",
    "]": "{]}",
}
_LETTERS = frozenset(map(chr, range(0xA1, 0x17F))) - set("ĦħĸĿŀŉŦŧ") | set("ȘșȚț€™„†‡•‰")
"""What LaTeX's T1 and TS1 encodings hold beyond ASCII (its `t1enc.dfu` and `ts1enc.dfu`)."""
_LONG_WORD = 24
_BREAK_EVERY = 12
"""Characters of a long word between two places where it may break."""
_SIZES = {"small": 92, "footnotesize": 102, "scriptsize": 114, "tiny": 140}
"""Characters on a line of A4 with 25 mm of margins."""
_GAP = 2
"""Characters between two columns."""
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"
"""Shrinks a table that is wider than the text all the same."""
_ONE_PAGE = 40
"""Tables with more lines do not fit a page."""
_LACKING = (
    "Characters that the font of this document lacks are shown as their Unicode number in "
    "brackets, such as {[}U+1F600{]}. "
)
_LEVELS = {2: "section", 3: "subsection"}


def write(document: Document, figures: Mapping[str, str]) -> str:
    """Render the document; figures are included by path."""
    parts = [_HEAD.replace("@TITLE@", escaped(document.title))]
    labels = Counter[str]()
    for section in document.sections:
        blocks = [_labelled(block, labels) for block in section.blocks]
        parts.append(f"\\{_LEVELS[section.level]}{{{escaped(section.title)}}}")
        parts += [_references(blocks, figures), *(_block(block, figures) for block in blocks)]
    lacking = any(r"\cifarkitchar{" in part for part in parts[1:])
    return "\n\n".join([*filter(None, parts), _LACKING * lacking + r"\cifarkitend"]) + "\n"


def _labelled(block: Block, seen: Counter[str]) -> Block:
    """The block; a table whose name an earlier one has is numbered, since names become labels."""
    if not isinstance(block, Table):
        return block
    seen[block.name] += 1
    number = seen[block.name]
    return block if number == 1 else replace(block, name=f"{block.name}.{number}")


def escaped(text: str) -> str:
    """Text on one line, escaped for LaTeX; long words may break."""
    text = unicodedata.normalize("NFC", plain(text))
    return " ".join(map(_word, text.split(" ")))


def _word(word: str) -> str:
    # Two hyphens in a row would become a dash.
    letters = [
        "-{}" if character == following == "-" else _letter(character)
        for character, following in zip(word, (word + " ")[1:], strict=True)
    ]
    if len(letters) <= _LONG_WORD:
        return "".join(letters)
    parts = range(0, len(letters), _BREAK_EVERY)
    return r"\allowbreak{}".join("".join(letters[at : at + _BREAK_EVERY]) for at in parts)


def _letter(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isascii() or character in _LETTERS:
        return character
    return f"\\cifarkitchar{{{ord(character):04X}}}{{{character}}}"


def _references(blocks: Sequence[Block], figures: Mapping[str, str]) -> str:
    """Where the tables and figures of a section are, which LaTeX moves to where they fit."""
    tables = [f"\\ref{{tab:{block.name}}}" for block in blocks if isinstance(block, Table)]
    drawn = [
        f"\\ref{{fig:{block.name}}}"
        for block in blocks
        if isinstance(block, Figure) and block.name in figures
    ]
    named = [
        f"{kind}{'s' * (len(labels) > 1)}~{listed(labels)}"
        for kind, labels in (("Table", tables), ("Figure", drawn))
        if labels
    ]
    return f"See {' and '.join(named)}." if named else ""


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
            return f"\\begin{{quote}}\\raggedright\\ttfamily {escaped(block.text)}\\end{{quote}}"


def _table(table: Table) -> str:
    size, layout, lines = _layout(table)
    style = f"\\{size}\\setlength{{\\tabcolsep}}{{3pt}}\\setlength{{\\belowcaptionskip}}{{4pt}}"
    caption = f"\\caption{{{escaped(table.caption)}}}\\label{{tab:{table.name}}}"
    head = f"\\toprule\n{_line(table.headings)}\n\\midrule"
    rows = "\n".join(map(_line, table.texts()))
    if lines > _ONE_PAGE:
        return (
            f"{{{style}\n\\begin{{longtable}}{{{layout}}}\n{caption}\\\\\n"
            f"{head}\n\\endfirsthead\n{head}\n\\endhead\n"
            f"\\bottomrule\n\\endfoot\n{rows}\n\\end{{longtable}}}}"
        )
    tabular = f"\\begin{{tabular}}{{{layout}}}\n{head}\n{rows}\n\\bottomrule\n\\end{{tabular}}"
    return (
        f"\\begin{{table}}[!htbp]\n\\centering{style}\n{caption}\n{_FIT}{{%\n{tabular}%\n}}\n"
        "\\end{table}"
    )


def _layout(table: Table) -> tuple[str, str, int]:
    """A table's font size, its columns, and about how many lines it takes.

    Columns are as wide as their texts; if that is too wide, texts and headings wrap.
    """
    texts = [[*map(plain, column)] for column in zip(table.headings, *table.texts(), strict=True)]
    whole = [max(map(_columns, cells)) for cells in texts]
    gaps = _GAP * len(whole)
    for size in ("small", "footnotesize"):
        if sum(whole) + gaps <= _SIZES[size]:
            kinds = "".join("r" if column.numeric else "l" for column in table.columns)
            return size, kinds, len(table.rows)
    least = [
        max(min(_columns(word), _LONG_WORD) for cell in cells for word in cell.split(" "))
        for cells in texts
    ]
    fitting = [s for s in ("footnotesize", "scriptsize") if sum(least) + gaps <= _SIZES[s]]
    size = fitting[0] if fitting else "tiny"
    spare = max(0, _SIZES[size] - gaps - sum(least))
    # What is left over goes to the columns whose texts wrap most.
    wanted = [w - few for w, few in zip(whole, least, strict=True)]
    share = min(1.0, spare / max(1, sum(wanted)))
    widths = [few + want * share for few, want in zip(least, wanted, strict=True)]
    line = sum(widths) + gaps
    ragged = ["raggedleft" if column.numeric else "raggedright" for column in table.columns]
    kinds = " ".join(
        f">{{\\{side}\\arraybackslash\\hspace{{0pt}}}}"
        f"p{{\\dimexpr{(width + _GAP) / line:.4f}\\linewidth-2\\tabcolsep\\relax}}"
        for side, width in zip(ragged, widths, strict=True)
    )
    lines = sum(
        max(ceil(_columns(cell) / width) for cell, width in zip(row, widths, strict=True))
        for row in table.texts()
    )
    return size, kinds, lines


def _columns(text: str) -> int:
    """The width of a text in characters; what a font lacks is shown as a number."""
    wide = sum(map(str.isupper, text)) / 2
    return len(text) + ceil(wide) + 8 * sum(_letter(c).startswith(r"\cifarkitchar") for c in text)


def _line(cells: Sequence[str]) -> str:
    return f"{' & '.join(map(escaped, cells))} \\\\"


def _figure(figure: Figure, path: str) -> str:
    return (
        "\\begin{figure}[!htbp]\n\\centering\n"
        "\\includegraphics[width=\\linewidth,height=.8\\textheight,keepaspectratio,"
        f"alt={{{escaped(figure.in_words)}}}]{{{_path(path)}}}\n"
        f"\\caption{{{escaped(figure.caption)}.}}\\label{{fig:{figure.name}}}\n\\end{{figure}}"
    )


_IN_PATHS = {
    "%": "@percentchar",
    "{": "@charlb",
    "}": "@charrb",
    "\\": "@backslashchar",
    "#": "cifarkithash",
}


def _path(path: str) -> str:
    """A path for `\\includegraphics`, whatever characters it has."""
    text = ""
    for character in path:
        if character in _IN_PATHS:
            text += f"\\csname {_IN_PATHS[character]}\\endcsname "
        else:
            text += rf"\string{character}" if character in "$&^_~" else character
    # A space after a command would be skipped.
    return text.replace(r"\endcsname  ", r"\endcsname\space ")

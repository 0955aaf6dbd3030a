"""Text helpers: sanitizing stored strings for display, and small English phrases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

# Folders of a path in quotes may have spaces.
_QUOTED_FOLDERS = re.compile(r"""(["'])(?:~?/|[A-Za-z]:[/\\])[^"'\n]*[/\\](?=[^"'\n])""")
_FOLDERS = re.compile(r"""(?<![\w:/.])(?:~?/|[A-Za-z]:[/\\])(?:[^/\\\s"':]+[/\\])+""")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def plain(text: str) -> str:
    """The text on one line, without terminal escapes, control and direction characters.

    Names and reasons come from plug-ins, folders and crashes; none may break a table, a terminal
    or the order of the letters on a page.
    """
    if text.isascii() and text.isprintable():  # fast path: nearly all strings of a large report
        return re.sub(" +", " ", text).strip()
    text = _ANSI.sub("", text)
    kept = (
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")
    )
    return re.sub(" +", " ", "".join(kept)).strip()


def csv_cell(text: str) -> str:
    """The text on one line; an apostrophe is prepended if a spreadsheet would run it as a formula.

    Source: OWASP, "CSV Injection". Excel treats the full-width forms like the plain ones.
    """
    text = plain(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def shortened(text: str, length: int) -> str:
    """Make `plain` and truncate to `length` columns, ending in an ellipsis.

    East Asian wide characters count as two columns.
    """
    text = plain(text)
    if width(text) <= length:
        return text
    text = text[:length]  # no character is narrower than a column
    while text and width(text) >= length:
        text = text[:-1]
    return text.rstrip() + "…"


def width(text: str) -> int:
    """Display width in columns."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def listed(items: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    *most, final = items
    return f"{', '.join(most)} {last} {final}" if most else final


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 trial`, `13 trials`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def number(value: float) -> str:
    """A setting's number, whichever way it was given: `0.5`, `128`, `2.5e-5`.

    The shortest exact digits; below 0.01 with an exponent that is not padded.
    """
    if isinstance(value, int):
        return str(value)
    if not 0 < abs(value) < 0.01:
        return f"{value:g}"
    digits, exponent = f"{value:.15e}".split("e")
    return f"{float(digits):.12g}e{int(exponent)}"


def percent(fraction: float) -> str:
    """`0.1` as `10%`, `0.2731` as `27.3%`."""
    text = f"{100 * fraction:,.1f}"
    return text.removesuffix(".0") + "%"


def percentage_points(accuracy: float) -> str:
    """A difference in accuracy: `1 percentage point`, `0.5 percentage points`."""
    points = f"{100 * accuracy:g}"
    return f"{points} percentage point{'' if points == '1' else 's'}"


def unique(items: Iterable[str]) -> Sequence[str]:
    """The distinct items, in order of first occurrence."""
    return tuple(dict.fromkeys(items))


def without_folders(text: str) -> str:
    """The text with `…` in place of the folders of absolute paths; addresses of pages stay.

    They say nothing to a reader elsewhere, and may name a person or a machine.
    """
    text = text.replace("file://", "")
    return _FOLDERS.sub("…/", _QUOTED_FOLDERS.sub(r"\1…/", text))

"""Words: what a stored string may look like in a document, and small pieces of English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def plain(text: str) -> str:
    """The text on one line, without terminal escapes, control and direction characters.

    Names and reasons come from plug-ins, folders and crashes; none may break a table, a terminal
    or the order of the letters on a page.
    """
    if text.isascii() and text.isprintable():  # nearly all of them, in a report of thousands
        return re.sub(" +", " ", text).strip()
    text = _ANSI.sub("", text)
    kept = (
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")
    )
    return re.sub(" +", " ", "".join(kept)).strip()


def csv_cell(text: str) -> str:
    """The text on one line; with an apostrophe before what a spreadsheet would run as a formula.

    Source: OWASP, "CSV Injection". Excel takes the full-width forms for the plain ones.
    """
    text = plain(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def shortened(text: str, length: int) -> str:
    """At most `length` columns wide; what is cut from the end is shown as an ellipsis.

    A Chinese character is two columns wide, as it is about twice as wide as a letter.
    """
    if width(text) <= length:
        return text
    while text and width(text) >= length:
        text = text[:-1]
    return text.rstrip() + "…"


def width(text: str) -> int:
    """How many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def listed(items: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    *most, final = items
    return f"{', '.join(most)} {last} {final}" if most else final


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 trial`, `13 trials`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def unique(items: Iterable[str]) -> Sequence[str]:
    """Each once, in the order of the first."""
    return tuple(dict.fromkeys(items))

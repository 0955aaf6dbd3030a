"""What of a written report is compared: its lines, of any format, without drawings and layout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from cifarkit.text import plain

_RULE = re.compile(r"^\|[ :|-]+\|$")
_ORIGIN = re.compile(r"^(<!--|%) cifarkit report \{")
_HEADING = {
    "markdown": re.compile(r"^#+ (.*)"),
    "latex": re.compile(r"^\\(?:sub)?section\{(.*)\}$"),
}
_FIGURE = {"markdown": ("![", "]("), "latex": ("\\includegraphics[", "]{")}
"""How the line of a figure begins, and what comes before its path."""
_BLOCKS = {"h1", "h2", "h3", "p", "li", "figcaption", "caption", "summary", "tr", "pre"}
_LEFT_OUT = {"script", "style", "nav", "svg"}


@dataclass(frozen=True)
class Line:
    """A line's number, the heading above it, and its text on one line."""

    number: int
    heading: str
    text: str


def lines_of(text: str, format: str) -> list[Line]:
    """The lines that are compared. A figure's is its alternative text; rows of tables have bars."""
    if format == "html":
        page = _Page()
        page.feed(text)
        page.close()
        return page.lines
    lines, heading = [], ""
    begins, before_path = _FIGURE[format]
    for number, line in enumerate(text.splitlines(), start=1):
        line = " ".join(line.split())
        if found := _HEADING[format].match(line):
            heading = plain(found[1])
        if line.startswith(begins):
            line = line[: line.rfind(before_path) + 1]
        if line and not _RULE.match(line) and not _ORIGIN.match(line):
            lines.append(Line(number, heading, line))
    return lines


class _Page(HTMLParser):
    """Collects the text of every block, each row of a table as `| cell | cell |`."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self._heading = ""
        self._skipped = ""
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            return
        named = dict(attributes)
        if tag == "img" or (tag == "svg" and named.get("role") == "img"):
            self._add(f"({named.get('alt') or named.get('aria-label') or ''})")
        if tag in _LEFT_OUT:
            self._skipped = tag
        elif tag in _BLOCKS:
            self._text = []
        elif tag in ("td", "th"):
            self._text.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            self._skipped = "" if tag == self._skipped else self._skipped
            return
        if tag not in _BLOCKS:
            return
        text = "".join(self._text)
        if tag in ("h1", "h2", "h3", "summary"):
            self._heading = plain(text)
        for line in text.splitlines() if tag == "pre" else [text + " |" * (tag == "tr")]:
            self._add(line)
        self._text = []

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._text.append(data.replace("|", r"\|"))

    def _add(self, text: str) -> None:
        if shown := " ".join(text.split()):
            self.lines.append(Line(self.getpos()[0], self._heading, shown))


def values_of(text: str) -> dict[str, str]:
    """Each value of a JSON report by its place, as JSON; not what the report was made from."""
    document = json.loads(text)
    return dict(_flattened({name: part for name, part in document.items() if name != "report"}, ""))


def _flattened(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flattened(part, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _flattened(part, f"{place}[{number}]")
    else:
        yield place, json.dumps(value, ensure_ascii=False)

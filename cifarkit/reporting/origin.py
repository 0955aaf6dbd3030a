"""The last line of a report: what it was made from, for `cifarkit verify`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cifarkit.errors import InvalidInput
from cifarkit.version import __version__

_LINE = re.compile(r"^(?:<!--|%) cifarkit report (\{.{0,100000}\})(?: -->)?$")
FORMATS = ("markdown", "html", "latex", "json")
"""The formats that say what they were made from."""


@dataclass(frozen=True)
class Origin:
    """What a report was made from.

    Attributes:
        version: Of cifarkit.
        studies: By name.
        published: Whether it has the published study's numbers.
        full: Whether it is the whole report, as it always was before it could be the appendix.
        format: One of `FORMATS`; Markdown where it is not said.
    """

    version: str
    studies: tuple[str, ...]
    published: bool
    full: bool
    format: str


def stated(
    studies: Sequence[str], published: bool, full: bool = True, format: str = "markdown"
) -> dict[str, Any]:
    """The fields of an `Origin`, for JSON."""
    return {
        "version": __version__,
        "studies": list(studies),
        "published": published,
        "full": full,
        "format": format,
    }


def line(studies: Sequence[str], published: bool, full: bool, format: str) -> str:
    """A comment, which no reader sees."""
    # No text of a comment in HTML may hold `--`.
    said = json.dumps(stated(studies, published, full, format)).replace("--", r"-\u002d")
    return f"% cifarkit report {said}" if format == "latex" else f"<!-- cifarkit report {said} -->"


def of(text: str) -> Origin:
    """What a report says of its origin.

    Raises:
        InvalidInput: It does not say.
    """
    try:
        if text.startswith("{"):
            found = json.loads(text)["report"]
        else:
            last = _LINE.match(text.rstrip().rpartition("\n")[2])
            found = json.loads(last[1]) if last else {}
        version, studies, published = (found[n] for n in ("version", "studies", "published"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInput(
            "it does not say at its end (in JSON: in `report`) what it was made from; verify takes "
            "what `cifarkit report` wrote in Markdown, HTML, LaTeX or JSON, as it was written"
        ) from None
    names = studies if isinstance(studies, list) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise InvalidInput("what it was made from names no study")
    format = found.get("format", "markdown")
    if format not in FORMATS:
        raise InvalidInput(f"it says that its format is {format!r:.40}, which is none of a report")
    full = found.get("full", True) is True
    return Origin(str(version), tuple(names), published is True, full, format)

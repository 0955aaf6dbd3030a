"""The last line of a Markdown report: what it was made from, for `cifarkit verify`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cifarkit.errors import InvalidInput
from cifarkit.version import __version__

_LINE = re.compile(r"^<!-- cifarkit report (\{.{0,100000}\}) -->$")


@dataclass(frozen=True)
class Origin:
    """What a report was made from.

    Attributes:
        version: Of cifarkit.
        studies: By name.
        published: Whether it has the published study's numbers.
        full: Whether it is the whole report, as it always was before it could be the appendix.
    """

    version: str
    studies: tuple[str, ...]
    published: bool
    full: bool


def line(studies: Sequence[str], published: bool, full: bool) -> str:
    """A comment, which Markdown does not show."""
    stated = {
        "version": __version__,
        "studies": list(studies),
        "published": published,
        "full": full,
    }
    # No text of a comment may hold `--`.
    return "<!-- cifarkit report " + json.dumps(stated).replace("--", r"-\u002d") + " -->"


def of(text: str) -> Origin:
    """What a report says of its origin.

    Raises:
        InvalidInput: It does not say.
    """
    found = _LINE.match(text.rstrip().rpartition("\n")[2])
    try:
        stated = json.loads(found[1]) if found else {}
        version, studies, published = (stated[n] for n in ("version", "studies", "published"))
    except (ValueError, KeyError, RecursionError):
        raise InvalidInput(
            "its last line does not say what it was made from; verify takes the Markdown of "
            "`cifarkit report`, from version 0.1.0 on, as it was written"
        ) from None
    names = studies if isinstance(studies, list) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise InvalidInput("its last line names no study")
    return Origin(str(version), tuple(names), published is True, stated.get("full", True) is True)

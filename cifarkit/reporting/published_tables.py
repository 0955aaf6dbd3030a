"""The published study's numbers as stored; values only, so that anything may import it."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

PRESET = "published"
"""The name of the study file that repeats the study."""


@cache
def tables() -> dict[str, Any]:
    """The published tables."""
    text = resources.files("cifarkit.reporting").joinpath("published.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def names() -> dict[str, str]:
    """The published names of the networks by key, in the order of Table 1."""
    return {row["key"]: row["model"] for row in tables()["table1_zoo"]}

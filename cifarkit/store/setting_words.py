"""Settings in words: a value as text, with its unit and name in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from cifarkit.errors import InvalidInput
from cifarkit.models import registry
from cifarkit.specs import SETTINGS
from cifarkit.text import number, percent

_UNIT = re.compile(r" \((\w+)\)$")


def heading(setting: str) -> str:
    """A setting's heading; a stored study's axis may be unknown here."""
    known = SETTINGS.get(setting)
    return known.title if known else setting.replace("_", " ").capitalize()


def in_sentence(heading: str) -> str:
    """`Total Parameters` within a sentence; names such as `BatchNorm` and units stay."""
    words = heading.split(" ")
    return " ".join(word.lower() if word[1:].islower() else word for word in words)


def value_text(name: str, value: object) -> str:
    """A setting's value in a table: `2.5e-5`, `10%`, `yes`."""
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return percent(value) if name == "unfreeze" else number(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if name == "model":
        return model_name(str(value))
    if (name, value) == ("batchnorm", "train"):  # its name in the first versions
        return "keras"
    return str(value)


def phrase(name: str, value: object) -> str:
    """A setting and its value in a sentence: `dropout 0.5`, `image size 96 px`, `freeze all`."""
    if name == "unfreeze" and isinstance(value, int | float):
        whole = {0.0: "freeze all", 1.0: "unfreeze all"}
        return whole.get(float(value), f"unfreeze {percent(value)}")
    title = heading(name)
    unit = _UNIT.search(title)
    said = in_sentence(title.removesuffix(unit.group() if unit else ""))
    if isinstance(value, bool):
        return said if value else f"no {said}"
    if name == "model":
        return value_text(name, value)
    if unit is None or value is None:
        return f"{said} {value_text(name, value)}"
    units = unit[1].removesuffix("s") if value == 1 else unit[1]
    return f"{said} {value_text(name, value)} {units}"


def phrases(axes: Iterable[str], settings: Mapping[str, Any]) -> str:
    """The values of several settings in a sentence; empty if one is not known."""
    if not all(axis in settings for axis in axes):
        return ""
    return ", ".join(phrase(axis, settings[axis]) for axis in axes)


def model_name(key: str) -> str:
    """A backbone's name in tables; its key if it is not registered any more."""
    try:
        return registry.get(key).name
    except InvalidInput:
        return key

"""Values of settings, checked alone; and pydantic's findings in a user's words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from cifarkit.errors import InvalidInput
from cifarkit.specs import SETTINGS, DataSpec, ModelSpec, TrainSpec


def check_setting(name: str, value: Any) -> Any:
    """The value in the setting's own type; for where it is used before, or without, a spec.

    Raises:
        InvalidInput: The message names the setting and what was received.
    """
    try:
        return _setting_type(name).validate_python(value)
    except ValidationError as error:
        raise InvalidInput("\n".join(explained(error, name))) from None


@cache
def _setting_type(name: str) -> TypeAdapter[Any]:
    sections: dict[str, type[BaseModel]] = {
        "data": DataSpec,
        "model": ModelSpec,
        "train": TrainSpec,
    }
    return TypeAdapter(sections[SETTINGS[name].section].model_fields[name].rebuild_annotation())


def explained(error: ValidationError, name: str = "") -> Iterator[str]:
    """One line for each fault: the setting, what is wrong, what was received."""
    for fault in error.errors():
        cause = fault.get("ctx", {}).get("error")
        if isinstance(cause, InvalidInput):
            yield str(cause)
            continue
        setting = name or ".".join(map(str, fault["loc"])).removeprefix("augmentation.")
        message = fault["msg"][:1].lower() + fault["msg"][1:]
        received = "" if fault["type"] == "missing" else f", got {fault['input']!r}"
        yield f"{setting}: {message}{received}"

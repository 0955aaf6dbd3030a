"""The base class of stored records, and the checked types of their fields."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field

SCHEMA_VERSION = 1


def _plain_values(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings are scalars or lists of scalars."""
    for value in settings.values():
        for part in value if isinstance(value, list | tuple) else (value,):
            if not isinstance(part, bool | int | float | str | None):
                raise ValueError("a setting is a number, a text, or a list of these")
            if isinstance(part, int) and abs(part) >= 2**63:
                raise ValueError("a setting's number is too large")
    return settings


Version = Annotated[int, Field(ge=1, le=SCHEMA_VERSION)]
# Larger numbers cannot be measurements, and could not be printed.
Count = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, le=1)]
Settings = Annotated[dict[str, Any], AfterValidator(_plain_values)]
Texts = Annotated[tuple[str, ...], FailFast()]


class StoredRecord(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

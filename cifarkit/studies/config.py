"""Study files: settings, and steps that each vary something and build on earlier choices.

They are TOML and validated when read. `cifarkit study --schema` prints the JSON schema.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cifarkit.errors import InvalidInput, check_file, unknown
from cifarkit.evaluation.looks import FIRST_LOOK, MAX_SEEDS
from cifarkit.specs import SETTINGS
from cifarkit.studies.costs import COSTS, CostName
from cifarkit.studies.recipes import RECIPES
from cifarkit.studies.sweep import BY_WORD, names, setting_of
from cifarkit.text import listed, shortened, unique

PRESETS = ("published", "quick", "best")
MOST_BYTES = 100_000
MOST_DOTS = 1000
"""Per line: parsing time is quadratic in the number of parts of a dotted key."""
KEPT = "kept"
MOST_SEEDS = 100
MOST_TOLERANCE = 0.1
"""A higher one was most likely meant in points."""

Scalar = bool | int | float | str


def _describe(schema: dict[str, Any], *, swept: bool) -> None:
    """List the settings in the schema of a settings table, with dashes and underscores."""
    values = schema.pop("additionalProperties")
    schema["additionalProperties"] = False
    schema["properties"] = {
        word: {"description": SETTINGS[name].help, **values}
        for spelled, name in BY_WORD.items()
        if name != "seed" and (SETTINGS[name].swept or not swept)
        for word in unique((spelled, spelled.replace("-", "_")))
    }
    if not swept:
        schema["properties"]["recipe"] = {"enum": list(RECIPES)}


SETTINGS_TABLE = Field(json_schema_extra=partial(_describe, swept=False))
AXES_TABLE = Field(json_schema_extra=partial(_describe, swept=True))


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Strict):
    """One step of a study file.

    Attributes:
        title: The step's title, from which its name in the store is derived.
        vary: Values to try, by the name of a setting; several settings make a grid. For `model`,
            `"kept"` stands for the networks that an earlier step kept. Nothing to vary makes a
            single training.
        settings: Settings for this step's trials only.
        choose: Whether later steps build on the best arm's settings.
        keep: How many networks, the chosen one first, the word `"kept"` stands for later.
        screen: Trains nothing, in the first step only: the networks of `model`, or all pretrained
            ones, are compared by their frozen features, and of those that go on (see `cifarkit
            screen`) the best `keep` are kept, with ImageNet's best among them.
        max_parameters: Of networks that are screened.
        assume: The choice that `--dry-run` assumes, and with which a file that follows its
            assumptions goes on; of several networks, the others count as kept.
    """

    title: Annotated[str, Field(min_length=1, max_length=80)]
    vary: Annotated[
        dict[str, Annotated[list[Scalar], Field(min_length=1, max_length=100)] | Literal["kept"]],
        AXES_TABLE,
    ] = {}
    settings: Annotated[dict[str, Scalar], SETTINGS_TABLE] = {}
    choose: bool = True
    keep: Annotated[int, Field(ge=1, le=20)] = 1
    screen: bool = False
    max_parameters: Annotated[float, Field(gt=0)] | None = None
    assume: Annotated[
        dict[str, Scalar | Annotated[list[str], Field(min_length=1)]], AXES_TABLE
    ] = {}

    @model_validator(mode="before")
    @classmethod
    def _plain_setting_names(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        for key in ("vary", "settings", "assume"):
            if isinstance(raw.get(key), dict):
                raw = raw | {key: _by_field(raw[key], swept=key != "settings")}
        return raw

    @model_validator(mode="after")
    def _kept_is_for_networks(self) -> Self:
        for field, values in self.vary.items():
            if values == KEPT and field != "model":
                raise InvalidInput(f"{field}: 'kept' stands for networks; list the values to try")
        if self.screen and (self.vary.keys() - {"model"} or not self.choose):
            raise InvalidInput(
                "screen: a screening compares networks and chooses some: it varies model, or "
                "nothing for all pretrained ones"
            )
        if self.max_parameters is not None and not self.screen:
            raise InvalidInput("max_parameters: it limits the networks of screen = true")
        if self.choose and "data_seed" in self.vary:
            raise InvalidInput(
                "data-seed: each value has other validation images, so that none can be chosen by "
                "them; set choose = false"
            )
        return self


class StudyFile(_Strict):
    """A study file.

    Attributes:
        name: Letters, digits and dashes; the beginning of its studies' names in the store.
        title: For the document.
        settings: Settings of every trial, named as on the command line.
        seeds: How many times every trial is repeated; `"auto"` adds seeds until the comparison is
            settled.
        max_seeds: The most seeds of `"auto"`; 10 if it is left out.
        vary_split: Each seed draws its own validation part.
        follow: `validation`: the setting with the highest validation accuracy goes on. `assume`:
            the one that the step assumes does, and what would have been chosen is written down.
        tolerance: How far below the highest, in accuracy (0.005 is half a point), a setting that
            is cheaper by a tenth or more is chosen instead.
        cost: What is then to be lower: `time` to train, `parameters`, `flops` per image, peak
            `memory`, or time per image by `images_per_second`.
        equivalence: In accuracy: settings whose difference is smaller for certain are called equal.
        step: The steps, in order.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    settings: Annotated[dict[str, Scalar | list[str]], SETTINGS_TABLE] = {}
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] | Literal["auto"] = 1
    max_seeds: Annotated[int, Field(ge=FIRST_LOOK, le=MOST_SEEDS)] | None = None
    vary_split: bool = False
    follow: Literal["validation", "assume"] = "validation"
    tolerance: Annotated[float, Field(ge=0, le=MOST_TOLERANCE)] = 0.0
    cost: CostName | None = None
    equivalence: Annotated[float, Field(gt=0, le=MOST_TOLERANCE)] = 0.01
    step: Annotated[list[Step], Field(min_length=1, max_length=50)]

    @model_validator(mode="before")
    @classmethod
    def _plain_setting_names(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and isinstance(raw.get("settings"), dict):
            return raw | {"settings": _by_field(raw["settings"])}
        return raw

    @property
    def common(self) -> dict[str, Any]:
        """The settings of every step."""
        return {**self.settings, **({"vary_split": True} if self.vary_split else {})}

    @field_validator("seeds", mode="before")
    @classmethod
    def _whole_number_or_auto(cls, seeds: Any) -> Any:
        whole = isinstance(seeds, int) and not isinstance(seeds, bool)
        if seeds != "auto" and not (whole and 1 <= seeds <= MOST_SEEDS):
            raise InvalidInput(
                f"give a whole number from 1 to {MOST_SEEDS}, or 'auto', got {seeds!r}"
            )
        return seeds

    @model_validator(mode="after")
    def _limit_is_of_auto(self) -> Self:
        if self.max_seeds is not None and self.seeds != "auto":
            raise InvalidInput(
                f"max_seeds {self.max_seeds}: it limits seeds = 'auto'; seeds is {self.seeds}"
            )
        return self

    @model_validator(mode="after")
    def _screening_comes_first(self) -> Self:
        for step in self.step[1:]:
            if step.screen:
                raise InvalidInput(f"step {step.title!r}: screen = true is for the first step")
        if self.step[0].screen and len(self.step) == 1:
            raise InvalidInput("screen: nothing follows; `cifarkit screen` screens alone")
        return self

    @property
    def most_seeds(self) -> int:
        """Of an arm."""
        return (self.max_seeds or MAX_SEEDS) if self.seeds == "auto" else self.seeds

    @model_validator(mode="after")
    def _tolerance_has_a_cost(self) -> Self:
        if self.tolerance and self.cost is None:
            raise InvalidInput(
                f"tolerance {self.tolerance:g}: name the cost that is to be lower within it, "
                f"cost = {listed((repr(name) for name in COSTS), last='or')}"
            )
        if self.cost is not None and not self.tolerance:
            raise InvalidInput(
                f"cost {self.cost!r}: it counts within a tolerance only; add one, in accuracy: "
                "tolerance = 0.005"
            )
        return self


def read(source: str) -> StudyFile:
    """A preset by its name, or a file by its path.

    Raises:
        InvalidInput: It does not exist or is invalid; the message names the place and the value.
    """
    if source in PRESETS:
        text = resources.files("cifarkit.studies").joinpath(f"presets/{source}.toml").read_text()
    else:
        path = Path(source)
        try:
            check_file(path, "study file")
        except InvalidInput as error:
            raise InvalidInput(f"{error}; presets: {', '.join(PRESETS)}") from None
        if path.stat().st_size > MOST_BYTES:
            raise InvalidInput(f"{source}: larger than {MOST_BYTES:,} bytes; no study file is")
        try:
            text = path.read_text(encoding="utf-8-sig")  # Windows editors write a byte-order mark
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{source}: cannot be read as text: {error}") from None
    if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise InvalidInput(f"{source}: a line has more than {MOST_DOTS} dots; nested too deeply")
    try:
        return StudyFile.model_validate(tomllib.loads(text))
    except RecursionError:
        raise InvalidInput(f"{source}: nested too deeply") from None
    except ValidationError as error:
        faults = []
        for fault in error.errors()[:10]:
            place = ".".join(map(str, fault["loc"])) or "the file"
            said = fault["msg"].removeprefix("Value error, ")  # our own, which says what it got
            if fault["type"] not in ("missing", "value_error"):
                said += f", got {shortened(repr(fault['input']), 60)}"
            faults.append(f"{source}: {place}: {said}")
        raise InvalidInput("\n".join(faults)) from None
    except ValueError as error:  # invalid syntax, or a number that is too long
        raise InvalidInput(f"{source}: not TOML: {error}") from None


def _by_field(settings: Mapping[str, Any], *, swept: bool = False) -> dict[str, Any]:
    """Settings by the names of the spec's fields, from any accepted spelling."""
    known = {}
    for name, value in settings.items():
        field = "recipe" if name == "recipe" and not swept else setting_of(str(name))
        if field is None or field == "seed" or (swept and not SETTINGS[field].swept):
            raise unknown("setting", str(name), names())
        known[field] = value
    return known

"""Settings of a training by their flat names: `dropout`, `learning_rate`, `classes`.

A setting is a field of a spec that is annotated with a `Setting`. Options, sweep axes, the study
file's schema, the reference and the report's headings are made from the table that `collect` makes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypedDict, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from cifarkit.text import listed

SET_BY_STUDIES = ("model", "seed")
"""Settings that a study varies by itself: no option of all commands, no keyword argument."""

LOCATIONS = ("location", "weights_file")
"""Fields that no id depends on: files may be moved."""


@dataclass(frozen=True)
class Setting:
    """Metadata of a setting; an annotation of its field.

    Attributes:
        help: One sentence. `{choices}` stands for the values of a `Literal`.
        default: The default in words, if the field's own does not show it.
        flags: The option's names, if they differ from the field's.
        aliases: Further names in a sweep and in study files.
        heading: In tables and in lists of settings.
        swept: Whether it can be an axis.
        unmentioned: A value, besides None, that reports do not mention.
        since: The version of the specs that introduced it. Trial ids omit later settings at their
            default, so that a new one does not change the ids of earlier trials.
        name, path, type: From the field: its flat name, where it is in a `TrialSpec`, and its type
            without None and limits. `augment`, whether there is augmentation, is a bool.
        value: The field's own default; None if it has none.
    """

    help: str
    default: str = ""
    flags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    heading: str = ""
    swept: bool = True
    unmentioned: Any = None
    since: int = 1
    name: str = ""
    path: tuple[str, ...] = ()
    type: Any = None
    value: Any = None

    @property
    def section(self) -> str:
        """`data`, `model` or `train`."""
        return self.path[0]

    @property
    def title(self) -> str:
        """Its heading; by default made of its name: `Batch size`."""
        return self.heading or self.name.replace("_", " ").capitalize()

    @property
    def words(self) -> tuple[str, ...]:
        """Its names on the command line and in study files, the usual one first."""
        flags = [flag.removeprefix("--") for flag in self.flags if "/" not in flag]
        return tuple(dict.fromkeys([*flags, self.name.replace("_", "-"), *self.aliases]))

    def of(self, spec: Any) -> Any:
        """Its value in a `TrialSpec`; None for an amount of augmentation where there is none."""
        for part in self.path:
            spec = getattr(spec, part, None)
        return spec is not None if self.name == "augment" else spec


def collect(spec: type[BaseModel], path: tuple[str, ...] = ()) -> Iterable[Setting]:
    """The settings of a spec and of its nested specs, nested ones last."""
    inner: list[Setting] = []
    for name, field in spec.model_fields.items():
        part = nested(field.annotation)
        for found in field.metadata:
            if not isinstance(found, Setting):
                continue
            plain = bool if part else _plain_type(field.annotation)
            choices = listed(map(str, get_args(plain)), "or") if get_args(plain) else ""
            setting = replace(
                found,
                help=found.help.replace("{choices}", choices),
                name="augment" if part else name,
                path=(*path, name),
                type=found.type or plain,
                value=part is not None or (None if field.is_required() else field.default),
            )
            if part is None:
                yield setting
            else:
                inner.append(setting)
        if part is not None:
            inner += collect(part, (*path, name))
    yield from inner


def nested(annotation: Any) -> type[BaseModel] | None:
    """The spec that a field holds, if it holds one."""
    parts = (annotation, *get_args(annotation))
    return next((p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)), None)


def _plain_type(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


def identifying(kind: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial's id covers: all but where files lie, and later settings with their default."""
    inner, later = _parts(kind)
    kept = {}
    for name, value in values.items():
        if name in LOCATIONS or (name in later and value == later[name]):
            continue
        if name in inner and value is not None:
            value = identifying(inner[name], value)
        elif (name, value) == ("batchnorm", "keras"):
            value = "train"  # as the first versions called it
        kept[name] = value
    return kept


@cache
def _parts(kind: type[BaseModel]) -> tuple[dict[str, type[BaseModel]], dict[str, Any]]:
    """The specs within a spec, and the defaults of settings that came after the first version."""
    fields = kind.model_fields
    inner = {name: part for name, field in fields.items() if (part := nested(field.annotation))}
    later = {
        name: to_jsonable_python(field.default)
        for name, field in fields.items()
        if any(isinstance(m, Setting) and m.since > 1 for m in field.metadata)
    }
    return inner, later


class Settings(TypedDict, total=False):
    """Settings as keyword arguments; see the fields of the specs for what each does.

    The network and the seed are not among them: a study sets both. None stands for the default.
    `vary_split` is a setting of a study: each seed is its trials' data seed, too. `recipe` sets
    what is not given of how to train.
    """

    dataset: str | os.PathLike[str] | None
    location: str | os.PathLike[str] | None
    classes: int | None
    class_seed: int | None
    class_names: Sequence[str] | None
    train_per_class: int | None
    train_at_most: int | None
    validation_fraction: float | None
    data_seed: int | None
    vary_split: bool | None
    recipe: Literal["published", "modern"] | None
    weights: str | None
    image_size: int | None
    dropout: float | None
    unfreeze: float | None
    batchnorm: Literal["precise", "keras", "frozen"] | None
    head_outputs: int | None
    epochs: int | None
    head_epochs: int | None
    batch_size: int | None
    optimizer: Literal["adam", "adamax", "sgd", "adamw", "rmsprop"] | None
    learning_rate: float | None
    warmup_epochs: int | None
    schedule: Literal["constant", "cosine"] | None
    layer_decay: float | None
    ema: float | None
    weight_decay: float | None
    label_smoothing: float | None
    patience: int | None
    mixup: float | None
    cutmix: float | None
    random_erasing: float | None
    trivialaugment: bool | None
    augment: bool | None
    flip: bool | None
    rotation: float | None
    zoom: float | None
    contrast: float | None
    augment_views: int | None
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] | None

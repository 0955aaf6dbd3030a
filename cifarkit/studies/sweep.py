"""Sweeps over any setting; several settings make a grid."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from cifarkit.errors import InvalidInput, unknown
from cifarkit.specs import SETTINGS, TrialSpec
from cifarkit.studies.finetune import finetune
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.resize import resize
from cifarkit.studies.study import (
    PlannedArm,
    Study,
    check_distinct,
    check_size,
    of_one_network,
    plan_arm,
)
from cifarkit.studies.zoo import zoo

BY_WORD = {word: s.name for s in SETTINGS.values() for word in s.words}
"""The flat name of a setting by each of its accepted names."""

_SWITCH = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


def names() -> list[str]:
    """Every setting that can be varied, as a user writes it."""
    return sorted(name.replace("_", "-") for name, s in SETTINGS.items() if s.swept)


def setting_of(name: str) -> str | None:
    """The flat name of the setting that a user calls `name`; None if there is none."""
    return BY_WORD.get(name.lower().replace("_", "-"))


def _axis(word: str) -> str | None:
    field = setting_of(word)
    return field if field is not None and SETTINGS[field].swept else None


def parse_axes(words: Sequence[str]) -> dict[str, list[str]]:
    """`dropout 0.3 0.5 lr 1e-4` as `{"dropout": ["0.3", "0.5"], "learning_rate": ["1e-4"]}`.

    A word that is the name of a setting begins an axis, the words after it are its values.

    Raises:
        InvalidInput: The first word names no setting, an axis has no value or comes twice.
    """
    axes: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in words:
        field = _axis(word)
        if field is not None:
            if field in axes:
                raise InvalidInput(f"{word}: named twice; give all its values in one place")
            current = axes[field] = []
        elif current is None:
            raise unknown("parameter", word, names())
        else:
            current.append(word)
    for field, values in axes.items():
        if not values:
            raise InvalidInput(f"{field.replace('_', '-')}: give the values to try after its name")
    return axes


def sweep(
    settings: Mapping[str, Any],
    axes: Mapping[str, Sequence[Any]],
    *,
    inputs: Inputs,
    seeds: int = 1,
) -> Study:
    """One arm per combination of the axes' values.

    Along axes that have a study of their own (`zoo`, `resize`, `finetune`) it is that study.

    Args:
        settings: The settings of all arms, by flat name.
        axes: Values by the flat name of their setting; text is read as the field's own type.

    Raises:
        InvalidInput: A value is invalid, or two arms are the same training.
    """
    match tuple(axes):
        case ("model",):
            return zoo(settings, inputs=inputs, models=axes["model"], seeds=seeds)
        case ("model", "image_size"):
            models, sizes = axes["model"], axes["image_size"]
            return resize(settings, inputs=inputs, models=models, sizes=sizes, seeds=seeds)
        case ("unfreeze",):
            return finetune(settings, inputs=inputs, fractions=axes["unfreeze"], seeds=seeds)
    if "model" not in axes:
        settings = of_one_network(settings)
    check_size(*axes.values(), seeds=seeds)
    planned = []
    for combination in itertools.product(*axes.values()):
        asked = {
            field: _switch(value) if SETTINGS[field].type is bool else value
            for field, value in zip(axes, combination, strict=True)
        }
        planned.append(plan_arm(_label(asked), settings, asked, inputs=inputs, seeds=seeds))
    title = " and ".join(field.replace("_", " ") for field in axes)
    title = title[0].upper() + title[1:]
    check_distinct(Study("sweep", title, tuple(axes), tuple(planned)))
    arms = []
    for arm in planned:
        # In the spec's form: 0.30 is 0.3.
        typed = {field: value_of(arm.specs[0], field) for field in axes}
        # The spec holds None for a limit that does not affect the data.
        typed |= {name: arm.settings.get(name) for name, value in typed.items() if value is None}
        arms.append(PlannedArm(_label(typed), typed, arm.specs))
    return Study("sweep", title, tuple(axes), tuple(arms))


def value_of(spec: TrialSpec, field: str) -> Any:
    """A spec's value of a setting, typed, from which the same spec can be made."""
    if field == "weights":
        return spec.model.weights_file or spec.model.weights
    if field == "dataset" and spec.data.dataset in ("folder", "npz"):
        return spec.data.location
    return SETTINGS[field].of(spec)


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if (known := _SWITCH.get(str(value).lower())) is None:
        raise InvalidInput(f"{value!r} is neither on nor off")
    return known


def _label(varied: Mapping[str, Any]) -> str:
    texts = {
        field: {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        for field, value in varied.items()
    }
    if len(texts) == 1:
        return next(iter(texts.values()))
    return ", ".join(f"{field.replace('_', ' ')} {text}" for field, text in texts.items())

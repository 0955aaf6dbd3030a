"""Functions that plan studies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack

from cifarkit.api.planned_study import PlannedStudy
from cifarkit.errors import InvalidInput, unknown
from cifarkit.evaluation.looks import FIRST_LOOK, MAX_SEEDS
from cifarkit.models.registry import STUDY, registry
from cifarkit.settings import SET_BY_STUDIES, Settings
from cifarkit.specs import SETTINGS
from cifarkit.studies import config, resize
from cifarkit.studies import finetune as depth
from cifarkit.studies import sweep as sweeps
from cifarkit.studies import zoo as networks
from cifarkit.studies.config import StudyFile
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.study import Study

ONE_NETWORK = "densenet201"
"""The default network of studies of one network."""


def zoo(
    models: Sequence[str] | str = STUDY,
    *,
    seeds: int | Literal["auto"] = 1,
    max_seeds: int | None = None,
    **settings: Unpack[Settings],
) -> PlannedStudy:
    """Compare networks at the same settings.

    Args:
        models: Keys of networks, see `list_backbones`; `"all"` for every one.
        seeds: How many times each trial is repeated, with seeds 0, 1, ... `"auto"` begins with 3
            and adds seeds to the settings that the test images do not yet tell from the best.
        max_seeds: The most seeds of `"auto"`; 10 if None.
        settings: Of every trial.

    Raises:
        InvalidInput: A network or a setting cannot be used.
    """
    if models == "all" or tuple(models) == ("all",):
        models = tuple(registry())
    chosen = (models,) if isinstance(models, str) else tuple(models)
    given = _plain(settings)
    inputs = Inputs()
    count, limit = _seed_counts(seeds, max_seeds)
    study = networks.zoo(given, inputs=inputs, models=chosen, seeds=count)
    call = _call("zoo", models=list(chosen), seeds=seeds, max_seeds=max_seeds, **given)
    return PlannedStudy(_complete(study, limit, given), inputs, call=call)


def resize_study(
    models: Sequence[str] = resize.MODELS,
    *,
    sizes: Sequence[int] = resize.SIZES,
    seeds: int | Literal["auto"] = 1,
    max_seeds: int | None = None,
    **settings: Unpack[Settings],
) -> PlannedStudy:
    """Find the input size: every network at every size in pixels.

    Raises:
        InvalidInput: A network, a size or a setting cannot be used.
    """
    given = _without("resize_study", _plain(settings), "image_size", "sizes")
    chosen = (models,) if isinstance(models, str) else tuple(models)
    inputs = Inputs()
    count, limit = _seed_counts(seeds, max_seeds)
    study = resize.resize(given, inputs=inputs, models=chosen, sizes=tuple(sizes), seeds=count)
    varied = {"models": list(chosen), "sizes": list(sizes)}
    call = _call("resize_study", **varied, seeds=seeds, max_seeds=max_seeds, **given)
    return PlannedStudy(_complete(study, limit, given), inputs, call=call)


def finetune(
    model: str = ONE_NETWORK,
    *,
    fractions: Sequence[float] = depth.FRACTIONS,
    seeds: int | Literal["auto"] = 1,
    max_seeds: int | None = None,
    **settings: Unpack[Settings],
) -> PlannedStudy:
    """Find the fine-tuning depth: the fractions of the backbone's layers, from its end, to train.

    Raises:
        InvalidInput: The network, a fraction or a setting cannot be used.
    """
    given = _without("finetune", _plain(settings), "unfreeze", "fractions")
    inputs = Inputs()
    count, limit = _seed_counts(seeds, max_seeds)
    study = depth.finetune(
        given | {"model": model}, inputs=inputs, fractions=tuple(fractions), seeds=count
    )
    varied = {"model": model, "fractions": list(fractions)}
    call = _call("finetune", **varied, seeds=seeds, max_seeds=max_seeds, **given)
    return PlannedStudy(_complete(study, limit, given), inputs, call=call)


def sweep(
    axes: Mapping[str, Sequence[Any]] | str,
    *values: Any,
    model: str = ONE_NETWORK,
    seeds: int | Literal["auto"] = 1,
    max_seeds: int | None = None,
    **settings: Unpack[Settings],
) -> PlannedStudy:
    """Vary one setting or several, which make a grid.

    `sweep("dropout", 0.15, 0.5)` is `sweep({"dropout": [0.15, 0.5]})`.

    Args:
        axes: The values to try by the name of their setting, or one setting's name.
        values: The values, if `axes` is a name.
        model: The network, unless it is what varies.

    Raises:
        InvalidInput: A name is no setting's, a value cannot be used, or two arms are the same.
    """
    named = {axes: values} if isinstance(axes, str) else dict(axes)
    if values and not isinstance(axes, str):
        raise InvalidInput("values follow the name of one setting; a dict has its own")
    checked: dict[str, list[Any]] = {}
    for name, tried in named.items():
        if (field := sweeps.setting_of(name)) is None:
            raise unknown("parameter", name, sweeps.names())
        if isinstance(tried, str) or not isinstance(tried, Sequence) or not tried:
            raise InvalidInput(f"{name}: give a list of the values to try, got {tried!r}")
        if field in checked:
            raise InvalidInput(f"{name}: named twice; give all its values in one place")
        checked[field] = list(tried)
    if not checked:
        raise InvalidInput("axes: name at least one setting to vary")
    given = _plain(settings)
    network = {} if "model" in checked else {"model": model}
    inputs = Inputs()
    count, limit = _seed_counts(seeds, max_seeds)
    study = sweeps.sweep(given | network, checked, inputs=inputs, seeds=count)
    call = _call("sweep", checked, **network, seeds=seeds, max_seeds=max_seeds, **given)
    return PlannedStudy(_complete(study, limit, given), inputs, call=call)


def study(
    source: str | os.PathLike[str] = "published",
    *,
    seeds: int | Literal["auto"] | None = None,
    max_seeds: int | None = None,
    as_published: bool = False,
    **settings: Unpack[Settings],
) -> PlannedStudy:
    """A whole study, each step of which builds on what the steps before it chose.

    Args:
        source: `"published"`, `"quick"`, `"best"`, or the path of a study file.
        seeds: How many times each trial is repeated, or `"auto"` (see `zoo`); None leaves it to
            the file.
        max_seeds: The most seeds of `"auto"`.
        as_published: Go on with what the file assumes of each step, whatever the validation images
            say, so that every table compares with the published one.
        settings: Replace the file's.

    Raises:
        InvalidInput: There is no such file, or it cannot be used.
    """
    given = _plain(settings)
    file = config.read(os.fspath(source))
    if as_published:
        # Its title tells it, in a report of both, from the study that goes by the images.
        file = file.model_copy(update={"follow": "assume", "title": f"{file.title}, as published"})
    if seeds is not None or max_seeds is not None:
        repeats = file.seeds if seeds is None else seeds
        limit = file.max_seeds if max_seeds is None and repeats == "auto" else max_seeds
        _seed_counts(repeats, limit)
        file = file.model_copy(update={"seeds": repeats, "max_seeds": limit})
    repeated = {"seeds": seeds, "max_seeds": max_seeds, "as_published": as_published or None}
    call = _call("study", os.fspath(source), **repeated, **given)
    return PlannedStudy(file, Inputs(), given, call)


def study_schema() -> dict[str, Any]:
    """The JSON schema of a study file."""
    return StudyFile.model_json_schema()


def _seed_counts(seeds: int | Literal["auto"], max_seeds: int | None) -> tuple[int, int]:
    """How many seeds to plan, and the limit where they are added until settled, else 0."""
    if seeds == "auto":
        most = MAX_SEEDS if max_seeds is None else max_seeds
        if isinstance(most, bool) or not isinstance(most, int) or most < FIRST_LOOK:
            raise InvalidInput(
                f"max_seeds: give a whole number of {FIRST_LOOK} or more, got {most!r}"
            )
        return most, most
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise InvalidInput(f"seeds: give a whole number of 1 or more, or 'auto', got {seeds!r}")
    if max_seeds is not None:
        raise InvalidInput(f"max_seeds: {max_seeds!r} is for seeds='auto'; got seeds={seeds!r}")
    return seeds, 0


def _complete(study: Study, max_seeds: int, given: Mapping[str, Any]) -> Study:
    return replace(study, max_seeds=max_seeds, recipe=given.get("recipe") or "")


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as specs take them: paths as text.

    Raises:
        InvalidInput: A name is no setting's, or one's that the study sets itself.
    """
    known = {*SETTINGS, "vary_split", "recipe"}.difference(SET_BY_STUDIES)
    for name in settings:
        if name not in known:
            raise unknown("setting", name, known)
    return {
        name: os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in settings.items()
        if value is not None
    }


def _without(study: str, settings: dict[str, Any], varied: str, instead: str) -> dict[str, Any]:
    if varied in settings:
        raise InvalidInput(f"{varied}: {study} varies it; use {instead}")
    return settings


def _call(name: str, *positional: Any, **named: Any) -> str:
    """The call in Python, without what is left to its default."""
    arguments = [repr(value) for value in positional]
    arguments += [
        f"{key}={value!r}"
        for key, value in named.items()
        if value is not None and (key, value) != ("seeds", 1)
    ]
    return f"cifarkit.run(cifarkit.{name}({', '.join(arguments)}))"

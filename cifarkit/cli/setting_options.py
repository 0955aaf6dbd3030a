"""Options shared by commands: settings, and how trials are run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from cifarkit.cli.run_options import RUN, RUN_DEFAULTS
from cifarkit.errors import InvalidInput
from cifarkit.models.registry import UnknownBackbone
from cifarkit.settings import SET_BY_STUDIES, Setting
from cifarkit.specs import SETTINGS, Augmentation
from cifarkit.text import number

Number = TypeVar("Number", int, float)

PANELS = {"data": "Data", "model": "Model", "train": "Training"}


def _option(setting: Setting) -> Any:
    """The option of a setting. Its default is None, so that the spec's default applies."""
    name = setting.name.replace("_", "-")
    flags = setting.flags or ((f"--{name}/--no-{name}" if setting.type is bool else f"--{name}"),)
    default = setting.default
    if not default and setting.value is not None:
        value = setting.value
        if isinstance(value, bool):
            default = name if value else f"no-{name}"
        else:
            default = number(value) if isinstance(value, int | float) else str(value)
    return Annotated[
        (setting.type if setting.type in (bool, int, float, Path) else str) | None,
        typer.Option(
            *flags,
            rich_help_panel=PANELS[setting.section],
            help=setting.help,
            show_default=default or False,
        ),
    ]


OPTIONS: dict[str, Any] = {
    name: _option(setting) for name, setting in SETTINGS.items() if name not in SET_BY_STUDIES
}
OPTIONS["vary_split"] = Annotated[
    bool | None,
    typer.Option(
        "--vary-split/--no-vary-split",
        rich_help_panel=PANELS["data"],
        help="Each of --seeds draws its own validation part, and its own --train-per-class "
        "images; the test part stays.",
        show_default="no-vary-split",
    ),
]
OPTIONS["recipe"] = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=PANELS["train"],
        help="How to train, as far as not given: published (constant rate, Adam), or modern (head "
        "first, then AdamW with layer-wise decayed rates, warm-up and a cosine schedule, label "
        "smoothing and TrivialAugment); --dry-run shows its settings.",
        show_default="published",
    ),
]
"""The options of settings, by flat name."""


def shared(
    *, without: tuple[str, ...] = (), seeds_default: int | None = 1
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a command of a function that plans a study: with the shared options, and running it.

    The function takes its own options and, as `**settings`, keyword arguments of the functions that
    plan studies. It returns the planned study, or None if there is nothing to run.

    Args:
        without: Settings that the command varies itself.
        seeds_default: None where a file may say how many.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., None]:
        settings = {name: hint for name, hint in OPTIONS.items() if name not in without}
        own = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)

        def call(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in settings}
            if names := chosen.get("class_names"):
                chosen["class_names"] = comma_separated(names, "--class-names")
            if location := chosen.get("location"):
                chosen["location"] = str(location)
            _check_augmentation(chosen)
            run = {name: given.pop(name) for name in RUN}
            chosen |= {name: run.pop(name) for name in ("seeds", "max_seeds")}
            runs = run["runs"]
            try:
                planned = command(**given, **chosen)
                if planned is not None:
                    from cifarkit.cli.run_study import execute

                    execute(planned, **run)
            except UnknownBackbone as error:
                from cifarkit.store.store import Store
                from cifarkit.studies.provenance_changes import package_of_missing

                if package := package_of_missing(error.key, Store(runs)):
                    raise InvalidInput(
                        f"unknown model {error.key!r}; trials in {runs} have it from the package "
                        f"{package}: install that to train it"
                    ) from None
                raise

        parameters = [
            parameter.replace(annotation=hints[name])
            for name, parameter in own.parameters.items()
            if name != "settings"
        ] + [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=seeds_default if name == "seeds" else RUN_DEFAULTS.get(name),
                annotation=hint,
            )
            for name, hint in {**settings, **RUN}.items()
        ]
        call.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        return call

    return decorate


def _check_augmentation(settings: Mapping[str, Any]) -> None:
    """Refuse amounts of an augmentation that is off."""
    if settings.get("augment") is False:
        for name, value in settings.items():
            if name in Augmentation.model_fields and value is not None:
                option = name.replace("_", "-")
                raise InvalidInput(
                    f"--{option}: there is no augmentation with --no-augment; give one"
                )


def comma_separated(text: str, option: str) -> tuple[str, ...]:
    """`"a, b,c"` as `("a", "b", "c")`.

    Raises:
        InvalidInput: There is nothing between the commas.
    """
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise InvalidInput(f"{option}: {text!r} names nothing; separate values by commas")
    return parts


def numbers(text: str, option: str, kind: type[Number]) -> tuple[Number, ...]:
    """`"32,78"` as `(32, 78)`.

    Raises:
        InvalidInput: One of the values is no number of that kind.
    """
    try:
        return tuple(kind(part) for part in comma_separated(text, option))
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise InvalidInput(f"{option}: {text!r} is not a list of {what}: 32,78") from None

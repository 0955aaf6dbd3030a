"""`cifarkit screen`: which networks are worth fine-tuning."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from cifarkit.cli.run_options import RUN, RUNS_DEFAULT
from cifarkit.cli.setting_options import OPTIONS, comma_separated
from cifarkit.studies.screening import DATA_SETTINGS

DATA = {name: hint for name, hint in OPTIONS.items() if name in DATA_SETTINGS}


def _with_data(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of the data in place of its keyword arguments."""
    own, hints = inspect.signature(command), get_type_hints(command, include_extras=True)
    parameters = [
        one.replace(annotation=hints[name])
        for name, one in own.parameters.items()
        if one.kind is not one.VAR_KEYWORD
    ]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
        for options, default in ((DATA, None), ({"strict": RUN["strict"]}, False))
        for name, hint in options.items()
    ]
    command.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


@_with_data
def screen(
    *,
    models: Annotated[
        str, typer.Option(help="Networks, comma-separated, or 'all' pretrained ones.")
    ] = "all",
    max_parameters: Annotated[
        float | None,
        typer.Option(
            help="Leave out networks with more parameters: 10e6, say.", show_default="no limit"
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Side to which images are resized, in pixels.",
            show_default="each network's native size",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="imagenet, or none for random features.", show_default="imagenet"),
    ] = None,
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    **data: Any,
) -> None:
    """Compare networks by their frozen features: which are worth fine-tuning on these images?"""
    from cifarkit.api.screen import screen as run_screen
    from cifarkit.cli.run_study import command_line
    from cifarkit.cli.signals import Interrupted
    from cifarkit.console import plain_or_rich_table, say
    from cifarkit.reporting.screen_table import screen_sentences, screen_table

    if names := data.get("class_names"):
        data["class_names"] = comma_separated(names, "--class-names")
    try:
        found = run_screen(
            comma_separated(models, "--models"),
            weights=weights,
            image_size=image_size,
            max_parameters=max_parameters,
            **data,
            store=runs,
            command=command_line(),
        )
    except (KeyboardInterrupt, Interrupted) as error:
        say("Interrupted. The same command goes on with the networks that are missing.", "yellow")
        raise typer.Exit(getattr(error, "exit_code", 130)) from None
    table = screen_table(found.record)
    plain_or_rich_table(
        table.caption,
        table.headings,
        table.texts(),
        numeric={i for i, column in enumerate(table.columns) if column.numeric},
    )
    for sentence in screen_sentences(found.record):
        say(sentence)
    say(f"To train those that go on: cifarkit zoo --models {','.join(found.going_on)} ...", "green")

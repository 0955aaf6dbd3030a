"""What a command can do, the library can, with the same defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import click
import pytest
import typer

import cifarkit as ck
from cifarkit.cli.app import app
from cifarkit.settings import Settings

STUDIES = (ck.run, ck.PlannedStudy.plan)
FUNCTIONS: dict[str, tuple[Callable[..., Any], ...]] = {
    "screen": (ck.screen,),
    "zoo": (ck.zoo, *STUDIES),
    "resize-study": (ck.resize_study, *STUDIES),
    "finetune": (ck.finetune, *STUDIES),
    "sweep": (ck.sweep, *STUDIES),
    "study": (ck.study, *STUDIES),
    "evaluate": (ck.evaluate, ck.Evaluation.document),
    "train": (ck.train,),
    "predict": (ck.load_model, ck.LoadedModel.predict, ck.Predicted.document),
    "export": (ck.export,),
    "power": (ck.power,),
    "watch": (ck.watch,),
    "report": (ck.report,),
    "verify": (ck.verify,),
    "serve": (ck.serve,),
    "bench": (ck.bench,),
    "store list": (ck.open_store,),  # .records
    "store studies": (ck.open_store,),  # .studies
    "store show": (ck.open_store,),  # .records[trial], .study(name)
    "store rename": (ck.rename_study,),
    "store check": (ck.check_store,),
    "store remove": (ck.remove_results,),
    "store push": (ck.push_results,),
    "store export": (ck.export_trials,),
    "store import": (ck.import_trials,),
    "store sync": (ck.sync_stores,),
}
FLAGS = {"dry_run": ck.PlannedStudy.plan, "list_models": ck.list_backbones,
         "hub": ck.list_hub_presets,
         "schema": ck.study_schema}  # fmt: skip
"""Options that are a function of their own."""
KEYWORDS = {
    "runs": "store",
    ("finetune", "unfreeze"): "fractions",
    ("sweep", "parameters"): "axes",
    ("study", "plan"): "source",
    ("evaluate", "targets"): "target",
    ("store show", "target"): None,  # a key of what is returned
}
"""Options of another name in Python."""


def commands() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    root = typer.main.get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found |= {f"{name} {one}": c for one, c in inner.items()} if inner else {name: command}
    return found


def keywords(functions: Sequence[Callable[..., Any]]) -> dict[str, Any]:
    """Keyword arguments with their defaults, the settings of a training among them."""
    found: dict[str, Any] = {}
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                found |= dict.fromkeys(Settings.__annotations__)
            else:
                found.setdefault(name, parameter.default)
    return found


def comparable(value: Any) -> Any:
    """A default as text: `"32,78"` and `(32, 78)` alike, and no values as None."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, list | tuple):
        value = ",".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value)
    return (str(value) if isinstance(value, Path) else value) or None


def test_every_command_has_its_function() -> None:
    assert commands().keys() == FUNCTIONS.keys()
    assert {one.__name__ for many in FUNCTIONS.values() for one in many} >= {
        name
        for name in ck.__all__
        if inspect.isfunction(getattr(ck, name))
        and name
        not in (
            "list_backbones",
            "list_hub_presets",
            "list_weights",
            "load_model",
            "study_schema",
        )
    }


@pytest.mark.parametrize("command", FUNCTIONS)
def test_every_option_is_a_keyword_with_the_same_default(command: str) -> None:
    offered = keywords(FUNCTIONS[command])
    for option in commands()[command].params:
        if option.name is None or option.name in (*FLAGS, "help"):
            continue
        name = KEYWORDS.get(option.name, KEYWORDS.get((command, option.name), option.name))
        if name is None:
            continue
        assert name in offered, f"{command}: the library has no {name!r}"
        if option.required or option.name == "models":  # None stands for the published thirteen
            continue
        assert comparable(option.default) == comparable(offered[name]), f"{command} {name}"

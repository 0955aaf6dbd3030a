"""Options for running trials, shared by all commands that run them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cifarkit.evaluation.looks import FIRST_LOOK, MAX_SEEDS

PANEL = "Running"
RUNS_DEFAULT = Path("runs")


def _checked_name(text: str | None) -> str | None:
    from cifarkit.store.studies import checked_name

    return None if text is None else checked_name(text, "--name")


def _seeds(text: str) -> int | str:
    if text == "auto":
        return text
    if not str(text).isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is neither a whole number of 1 or more nor auto")
    return int(text)


def _jobs(text: str) -> int | str:
    if text == "auto":
        return text
    if not str(text).isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is neither a whole number of 1 or more nor auto")
    return int(text)


def _checked_launcher(name: str | None) -> str | None:
    from cifarkit.execution.launchers import LAUNCHERS

    if name is not None:
        LAUNCHERS.get(name)
    return name


def _checked_pairs(given: list[str]) -> list[str]:
    for text in given:
        if not text.partition("=")[0] or "=" not in text:
            raise typer.BadParameter(f"{text!r}: give NAME=VALUE")
    return given


def launcher_options(given: list[str]) -> dict[str, str]:
    """`["num-cpus=2"]` as `{"num_cpus": "2"}`."""
    pairs = (text.partition("=") for text in given)
    return {name.replace("-", "_"): value for name, _, value in pairs}


def _checked_callbacks(names: list[str]) -> list[str]:
    from cifarkit.execution.callbacks import CALLBACKS

    for name in names:
        CALLBACKS.get(name)
    return names


def _option(type_: Any, help: str, *flags: str, **more: Any) -> Any:
    """An option; without flags it is called by the parameter's name."""
    return Annotated[type_, typer.Option(*flags, help=help, rich_help_panel=PANEL, **more)]


RUN: dict[str, Any] = {
    "seeds": _option(
        str | None,
        "Train each setting with this many seeds; auto begins with 3 and adds seeds until they are "
        "told apart.",
        parser=_seeds,
        metavar="N|auto",
    ),
    "max_seeds": _option(
        int | None,
        "Most seeds of a setting, with --seeds auto.",
        min=FIRST_LOOK,
        show_default=str(MAX_SEEDS),
    ),
    "name": _option(
        str | None,
        "Name of the study in the store.",
        callback=_checked_name,
        show_default="made of what it varies, the data and a digest",
    ),
    "runs": _option(Path, "The folder of results."),
    "jobs": _option(
        str,
        "Number of trials run in parallel; auto for as many as there are places: one for each GPU, "
        "or what the launcher has.",
        parser=_jobs,
        metavar="N|auto",
    ),
    "devices": _option(
        str,
        "Each trial runs on a GPU of its own: auto (the GPUs, or else the CPU), cpu, all GPUs, or "
        "numbers as nvidia-smi has them or UUIDs, separated by commas.",
        metavar="auto|cpu|all|0,2",
    ),
    "jobs_per_device": _option(int, "How many trials may share a GPU.", min=1),
    "timeout": _option(float | None, "Limit on each trial, in seconds.", min=0.001),
    "silence_timeout": _option(
        float | None,
        "End a trial that reports nothing for this many seconds; compiling is silent.",
        min=0.001,
    ),
    "memory_limit": _option(
        float | None, "Limit on the resident memory of each trial, in MB.", min=1
    ),
    "oom_backoff": _option(
        bool, "Retry a trial that runs out of memory with smaller micro-batches.", "--oom-backoff"
    ),
    "keep_weights": _option(
        Literal["none", "best", "final", "all"],
        "Whose trained weights are kept in the store: of the final model (the best trial of what "
        "the last step chose), the best of each step, all, or none.",
    ),
    "keep_precision": _option(
        Literal["float32", "float16"],
        "Of the kept weights; float16 takes half of the space.",
    ),
    "strict": _option(
        bool,
        "Refuse images that cannot be decoded; otherwise up to 1% of them are left out.",
        "--strict",
    ),
    "launcher": _option(
        str | None,
        "How trials are run: process, in-process, ray, slurm, or a launcher of an installed "
        "package.",
        callback=_checked_launcher,
        show_default="process",
    ),
    "launcher_options": _option(
        list[str],
        "An option of the launcher, NAME=VALUE, such as address=HOST:6379 of ray. May be repeated.",
        "--launcher-option",
        callback=_checked_pairs,
        metavar="NAME=VALUE",
        show_default=False,
    ),
    "callbacks": _option(
        list[str],
        "mlflow, tensorboard, or a callback of an installed package. May be repeated.",
        "--callback",
        callback=_checked_callbacks,
        show_default=False,
    ),
    "dry_run": _option(
        bool,
        "List the trials with their parameters and estimated memory; train nothing.",
        "--dry-run",
    ),
}
"""How trials are run. Only `--oom-backoff` may change a result, and notes it there."""

RUN_DEFAULTS: dict[str, Any] = {
    "runs": RUNS_DEFAULT,
    "jobs": 1,
    "devices": "auto",
    "jobs_per_device": 1,
    "oom_backoff": False,
    "keep_weights": "final",
    "keep_precision": "float32",
    "strict": False,
    "launcher_options": [],
    "callbacks": [],
    "dry_run": False,
}

"""How to repeat the trainings of a report: versions, and a command line for each study."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from cifarkit.datasets.registry import NAMED
from cifarkit.reporting.document_model import Block, Command, Paragraph
from cifarkit.reporting.hyperparameters import flat
from cifarkit.reporting.study_view import StudyView
from cifarkit.settings import Setting
from cifarkit.specs import SETTINGS, TrialSpec
from cifarkit.text import listed, plain, unique

_FORCED = {"dropout": 0.0, "batchnorm": "keras", "weights": "none", "unfreeze": 1.0}
"""Values that networks without any use for a setting have, whatever is asked for."""
_ELSEWHERE = ("model", "seed", "location")
"""Settings that have another place in the command, or that no result depends on."""


def blocks(views: Sequence[StudyView]) -> list[Block]:
    """What was used, the commands as they were given, and one for each study by itself."""
    made: list[Block] = [Paragraph(text) for text in _versions(views)]
    given = unique(_without_folder(view.study.command) for view in views if view.study.command)
    if given:
        made.append(Paragraph("The commands that ran the trials:"))
        made += map(Command, given)
    known = [(view, command(view)) for view in views]
    if any(line for _, line in known):
        made.append(Paragraph("Each study by itself, with its settings written out:"))
    for view, line in known:
        if line:
            made += [Paragraph(f"{plain(view.title)}:"), Command(line)]
    if none := [plain(view.title) for view, line in known if not line]:
        made.append(Paragraph(f"No single command repeats {listed(none)}."))
    return made


def command(view: StudyView) -> str:
    """The command line that plans a study's trials again; empty if no single one does.

    Data and weights of the user's own are named without their folders.
    """
    study, specs = view.study, [trial.spec for _, trial in view.trials]
    if not specs or len(specs) < sum(len(arm.trials) for arm in study.arms):
        return ""
    settings = [flat(spec) for spec in specs]
    axes = study.axes or ("model",)
    along: dict[str, Sequence[Any]] = {
        axis: tuple(dict.fromkeys(arm.settings.get(axis) for arm in study.arms)) for axis in axes
    }
    if not study.axes:
        along = {"model": unique(one["model"] for one in settings)}
    seeds = sorted({one["seed"] for one in settings})
    whole_grid = math.prod(map(len, along.values())) == len(study.arms)
    if not whole_grid or any(None in values for values in along.values()):
        return ""
    if seeds != list(range(len(seeds))):
        return ""
    words = ["cifarkit", "sweep"]
    for axis, values in along.items():
        words += [axis.replace("_", "-"), *map(_text, values)]
    if "model" not in along:
        models = unique(one["model"] for one in settings)
        if len(models) > 1:
            return ""
        words += ["--model", models[0]]
    for name, setting in SETTINGS.items():
        if name not in along and name not in _ELSEWHERE:
            words += _option(setting, specs, unique(one[name] for one in settings))
    if study.max_seeds:
        words += ["--seeds", "auto", "--max-seeds", str(study.max_seeds)]
    elif len(seeds) > 1:
        words += ["--seeds", str(len(seeds))]
    return shlex.join([*words, *["--vary-split"] * study.vary_split])


def _option(setting: Setting, specs: Sequence[TrialSpec], values: Sequence[Any]) -> list[str]:
    """The option that gives a setting to all trials; none where each has its own default."""
    if len(values) > 1 and setting.name in _FORCED:
        values = [value for value in values if value != _FORCED[setting.name]]
    if len(setting.path) > 2:  # an amount of augmentation, in those trials that have any
        values = [value for value in values if value is not None]
    if len(values) != 1 or values[0] is None or values[0] == setting.value:
        return []
    option, value = f"--{setting.words[0]}", values[0]
    if setting.type is bool:
        return [option if value else f"--no-{setting.name.replace('_', '-')}"]
    if setting.name == "dataset" and value not in NAMED and (place := specs[0].data.location):
        value = PurePath(place).name + ("" if PurePath(place).suffix else "/")
    if setting.name == "weights" and (file := specs[0].model.weights_file):
        value = PurePath(file).name
    return [option, _text(value)]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.12g}"
    return ",".join(value) if isinstance(value, tuple | list) else str(value)


def _without_folder(line: str) -> str:
    """The command without `--runs`, whose folder is of one machine."""
    try:
        words = shlex.split(line)
    except ValueError:
        return line
    kept, skip = [], False
    for word in words:
        if not skip and word != "--runs" and not word.startswith("--runs="):
            kept.append(word)
        skip = word == "--runs"
    return shlex.join(kept)


def _versions(views: Sequence[StudyView]) -> list[str]:
    used = unique(
        f"Python {e.python}, TensorFlow {e.tensorflow}, Keras {e.keras} and cifarkit {e.cifarkit}"
        for view in views
        for _, trial in view.trials
        if trial.result is not None
        for e in [trial.result.environment]
    )
    if not used:
        return []
    return [
        f"With {'; or '.join(used)}. On a CPU of the same model, with the same versions and number "
        "of threads, trainings repeat to the digit; elsewhere, rounding makes them others of the "
        "same kind."
    ]

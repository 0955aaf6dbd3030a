"""The published study's numbers, matched to a study's arms, and what differs from its settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cifarkit.models.registry import trains_batchnorm
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.hyperparameters import dataset_name, flat
from cifarkit.reporting.published_tables import tables
from cifarkit.reporting.study_view import StudyView
from cifarkit.specs import SETTINGS, Augmentation, TrialSpec
from cifarkit.store.setting_words import heading, in_sentence, model_name, value_text
from cifarkit.store.study_records import Arm
from cifarkit.studies.completion import trial_spec
from cifarkit.text import counted, listed, unique

_TABLES = {
    "model": ("table1_zoo", "key"),
    "unfreeze": ("table3_finetune", "unfreeze"),
    "dropout": ("table4_dropout", "dropout"),
    "batch_size": ("table5_batch_size", "batch_size"),
    "learning_rate": ("table6_learning_rate", "learning_rate"),
    "augment": ("augmentation", "augment"),
    "classes": ("classes", "classes"),
}
"""By axis, the published table and the key of its rows; Table 2 has two axes."""
_COMPARED = ({"model"}, {"model", "image_size"})
"""Axes of the studies that came before augmentation and the final size were chosen."""
_DECIDED = ("epochs", "dropout", "patience", "learning_rate")
"""Settings that the published study states from some step on, and not of the runs before it."""
_STATED = {
    "dropout": ("dropout",),
    "patience": ("dropout", "patience"),
    "learning_rate": _DECIDED,
    "batch_size": _DECIDED,
    "optimizer": _DECIDED,
    "classes": _DECIDED,
    "": _DECIDED,
}
"""Which of them it states, by the axis of the step."""
_UNDESCRIBED = "custom_cnn"
"""The network whose layers the published study does not describe."""
_NOT_COMPARED = {"location", "seed", "data_seed", "validation_fraction"}
_EXACT = ("memory_mb", "total_params", "trainable_params")
"""Columns that the settings determine."""
_SHAPING = {"image_size", "weights", "unfreeze", "head_outputs", "batch_size"}
"""Settings on which those columns depend, and BatchNorm if it is frozen."""


def row(axes: Sequence[str], arm: Arm, spec: TrialSpec | None = None) -> dict[str, Any] | None:
    """The published row of the same value as this arm's, or None.

    Args:
        spec: Of one of the arm's trials; without it a study that names no network has no row of
            the final model or of a size.
    """
    settings = arm.settings
    model = settings.get("model") or (spec.model.model if spec else None)
    if "image_size" in axes and set(axes) <= {"model", "image_size"}:
        return _resized(model, settings.get("image_size"))
    if not axes:
        kept = model == tables()["settings"]["model"]
        return {"accuracy": tables()["final"]} if kept else None
    if len(axes) != 1 or axes[0] not in _TABLES:
        return None
    table, name = _TABLES[axes[0]]
    return _first(tables()[table], name, settings.get(axes[0]))


def of_arm(view: StudyView, arm: ArmResult) -> dict[str, Any] | None:
    """The published row of an arm of a study."""
    return row(view.axes, arm.arm, _spec(view, arm))


def notes(view: StudyView) -> list[str]:
    """What the published columns are, what differs from their settings, and where they agree."""
    tried = tables()["tried"].get(view.axes[0]) if len(view.axes) == 1 else None
    if tried:
        return [
            f"The published study tried {listed(map(str, tried['values']))}, kept "
            f"{tried['kept']} and shows curves of them, but no numbers."
        ]
    matched = [
        (replace(arm, name=name), found)
        for name, arm in view.named.items()
        if (found := of_arm(view, arm))
    ]
    if not matched:
        return ["The published study has no row that matches one of these."]
    remarks = [
        "Published: one unseeded run each, of images that were resized up front in host memory "
        "(here within the model); times are of a Colab GPU and memory is the same estimate, so "
        "that parameters and memory should agree to the digit, times and accuracies need not."
    ]
    differing = {
        arm.name: _differing(view.axes, arm.arm, spec)
        for arm, _ in matched
        if (spec := _spec(view, arm)) is not None
    }
    if spoken := _spoken(differing):
        remarks.append(f"Unlike in the published study: {'; '.join(spoken)}.")
    if differing:
        remarks.append(_unstated(view.axes))
    remarks += _agreement(view, matched, differing)
    renamed = [
        f"{found['model']} in the published study is {registered} here"
        for arm, found in matched
        if found.get("model", registered := model_name(str(arm.arm.settings.get("model"))))
        != registered
    ]
    if renamed:
        remarks.append(f"{listed(renamed)}.")
    remarks += [
        f"{arm.name}: published, {said['outcome']}." for arm, said in matched if "outcome" in said
    ]
    return remarks


def _spec(view: StudyView, arm: ArmResult) -> TrialSpec | None:
    return next((view.records[t].spec for t in arm.arm.trials if t in view.records), None)


def _differing(axes: Sequence[str], arm: Arm, ours: TrialSpec) -> dict[str, tuple[str, str]]:
    """By setting, ours and theirs, for every setting whose values differ.

    What the published study does not state of a run is taken to be what it kept in the end.
    """
    known = tables()["settings"]
    if set(axes) in _COMPARED:
        known = known | {"augment": False, "image_size": None}  # 78 px, or 32 from scratch
    varied = {name: arm.settings.get(name) for name in axes}
    theirs = trial_spec(**{**known, **varied})
    mine, published = flat(ours), flat(theirs)
    for said, spec in ((mine, ours), (published, theirs)):
        said |= {"dataset": dataset_name(spec.data), "model": model_name(spec.model.model)}
    skipped = _NOT_COMPARED | set(axes)
    if mine["augment"] != published["augment"]:
        skipped |= set(Augmentation.model_fields)
    if not trains_batchnorm(ours.model.model, ours.model.unfreeze):
        skipped.add("batchnorm")
    return {
        name: (_text(name, mine[name]), _text(name, published[name]))
        for name in SETTINGS
        if name not in skipped and mine[name] != published[name]
    }


def _text(name: str, value: Any) -> str:
    if value is None:
        return SETTINGS[name].default or "none"
    return value_text(name, value)


def _spoken(differing: Mapping[str, Mapping[str, tuple[str, str]]]) -> list[str]:
    """`weights none instead of imagenet (LeNet)`; without the arms where it is all of them."""
    arms: dict[tuple[str, str, str], list[str]] = {}
    for arm, found in differing.items():
        for name, (ours, theirs) in found.items():
            arms.setdefault((name, ours, theirs), []).append(arm)
    return [
        f"{_heading(name)} {ours} instead of {theirs}"
        + ("" if len(named) == len(differing) else f" ({listed(named)})")
        for (name, ours, theirs), named in sorted(
            arms.items(), key=lambda item: list(SETTINGS).index(item[0][0])
        )
    ]


def _heading(name: str) -> str:
    return in_sentence(heading(name))


def _unstated(axes: Sequence[str]) -> str:
    stated = {*axes, *_STATED.get(axes[0] if axes else "", ())}
    missing = [_heading(name) for name in _DECIDED if name not in stated]
    if not missing:
        return "The published study does not state its validation fraction; it is not compared."
    return (
        f"The published study does not state the {listed(missing)} of these runs, which are "
        "compared with what it kept in the end, nor its validation fraction, which is not compared."
    )


def _agreement(
    view: StudyView,
    matched: Sequence[tuple[ArmResult, Mapping[str, Any]]],
    differing: Mapping[str, Mapping[str, tuple[str, str]]],
) -> list[str]:
    """Whether parameters and memory are the published ones and, where not, why."""
    measures = [measure for measure in view.layout.measures if measure.published in _EXACT]
    compared, agreeing = 0, 0
    apart: dict[str, list[str]] = {}
    for arm, theirs in matched:
        pairs = [
            (measure.heading, values[0], theirs[measure.published])
            for measure in measures
            if (values := arm.values(measure.read)) and measure.published in theirs
        ]
        off = [name for name, ours, said in pairs if not math.isclose(ours, said, rel_tol=1e-9)]
        compared += bool(pairs)
        agreeing += bool(pairs) and not off
        if off:
            causes = [
                _heading(name)
                for name, (ours, _) in differing[arm.name].items()
                if name in _SHAPING or ours == "frozen"
            ]
            if arm.arm.settings.get("model") == _UNDESCRIBED:
                causes.append("the layers, which the published study does not describe")
            why = f"because of {listed(causes)}" if causes else "which no setting explains"
            text = f"{listed(map(in_sentence, off))} not as published, {why}"
            apart.setdefault(text, []).append(arm.name)
    remarks = []
    if agreeing:
        of = "all" if agreeing == compared else f"{agreeing} of"
        exact = listed(in_sentence(measure.heading) for measure in measures)
        remarks.append(f"As published to the digit in {of} {counted(compared, 'row')}: {exact}.")
    return remarks + [f"{listed(unique(names))}: {text}." for text, names in apart.items()]


def _first(rows: list[dict[str, Any]], name: str, value: Any) -> dict[str, Any] | None:
    return next((row for row in rows if _same(row[name], value)), None)


def _same(published: Any, value: Any) -> bool:
    if isinstance(published, bool | str) or isinstance(value, bool | str) or value is None:
        return bool(published == value)
    return math.isclose(published, value, rel_tol=1e-9)


def _resized(model: Any, size: Any) -> dict[str, Any] | None:
    table = tables()["table2_resize"]
    if not isinstance(model, str) or "memory_mb" not in table.get(model, {}):
        return None
    if size == table["failed"]["size"]:
        return {"outcome": table["failed"]["outcome"]}
    if size not in table["sizes"]:
        return None
    at = table["sizes"].index(size)
    return {name: values[at] for name, values in table[model].items()}

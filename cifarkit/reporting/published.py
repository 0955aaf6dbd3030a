"""The published study's numbers, matched to the rows of a study."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import Arm
from cifarkit.text import counted, listed, unique

SCRATCH_SIZE = 32
"""The side in pixels at which the published study trained its networks without weights."""

_TABLES = {
    "model": ("table1_zoo", "key"),
    "unfreeze": ("table3_finetune", "unfreeze"),
    "dropout": ("table4_dropout", "dropout"),
    "batch_size": ("table5_batch_size", "batch_size"),
    "learning_rate": ("table6_learning_rate", "learning_rate"),
}
"""By axis, the published table and the key of its rows; Table 2 has two axes."""


@cache
def tables() -> dict[str, Any]:
    """The published tables."""
    text = resources.files("cifarkit.reporting").joinpath("published.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def row(axes: Sequence[str], arm: Arm) -> dict[str, Any] | None:
    """The published row of the same setting as this arm's, or None."""
    settings = arm.settings
    if set(axes) == {"model", "image_size"}:
        return _resized(settings.get("model"), settings.get("image_size"))
    if len(axes) != 1 or axes[0] not in _TABLES:
        return None
    table, name = _TABLES[axes[0]]
    return _first(tables()[table], name, settings.get(axes[0]))


def differences(axes: Sequence[str], trials: Sequence[TrialRecord]) -> list[str]:
    """Known differences of these trials from the published ones, in words."""
    said = tables()["settings"]
    data = [trial.spec.data for trial in trials]
    models = [trial.spec.model for trial in trials]
    told = []
    if any(spec.dataset != said["dataset"] or spec.fingerprint for spec in data):
        told.append("the images are others")
    told += _instead("classes", [spec.classes for spec in data], said["classes"])
    heads = [model.head_outputs or 0 for model in models]
    told += _instead("outputs of the head", heads, said["head_outputs"])
    limits = [limit for spec in data if (limit := spec.train_per_class or spec.train_at_most)]
    if limits:
        kept = unique(counted(limit, "image") for limit in limits)
        told.append(f"at most {listed(kept)} of each class to train on")
    final = tables()["text_results"]["final"]
    if axes and "model" not in axes:
        told += _instead("as the model", [model.model for model in models], final["model"])
    if "image_size" not in axes:
        for model in models:
            compared = tuple(axes) == ("model",)
            size = said["zoo_image_size"] if compared else final["image_size"]
            if compared and model.weights == "none" and model.image_size == SCRATCH_SIZE:
                continue
            told += _instead("px", [model.image_size], size)
    return list(unique(told))


def _instead(what: str, ours: Sequence[object], theirs: object) -> list[str]:
    others = unique(str(value) for value in ours if value != theirs)
    return [f"{listed(others)} {what} instead of {theirs}"] if others else []


def renamed(found: Sequence[tuple[str, dict[str, Any] | None]]) -> list[str]:
    """`ResNet50 is called ResNet there`, for every row with another published label."""
    return [
        f"{name} is called {published['model']} there"
        for name, published in found
        if published is not None and published.get("model", name) != name
    ]


def _first(rows: list[dict[str, Any]], name: str, value: Any) -> dict[str, Any] | None:
    return next((row for row in rows if _same(row[name], value)), None)


def _same(published: Any, value: Any) -> bool:
    if isinstance(published, str) or isinstance(value, str) or value is None:
        return bool(published == value)
    return math.isclose(published, value, rel_tol=1e-9)


def _resized(model: Any, size: Any) -> dict[str, Any] | None:
    table = tables()["table2_resize"]
    if not isinstance(model, str) or not isinstance(table.get(model), dict):
        return None
    if "memory_mb" not in table[model] or size not in table["sizes"]:
        return None
    at = table["sizes"].index(size)
    return {name: values[at] for name, values in table[model].items()}

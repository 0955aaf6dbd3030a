"""Raw numbers for programs: one CSV row per trial, or JSON of studies, arms and trials."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cifarkit.reporting import origin
from cifarkit.reporting import published as reference
from cifarkit.reporting.arm_results import NOT_POSSIBLE, NOT_RUN, trouble_of
from cifarkit.reporting.claims import Claim, claims, methods_used
from cifarkit.reporting.conclusions import conclusions
from cifarkit.reporting.hyperparameters import flat
from cifarkit.reporting.study_view import StudyView
from cifarkit.store import training_checks
from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import Arm
from cifarkit.text import csv_cell, plain

_LISTS = ("notes", "class_names", "class_groups", "hits", "schema_version")


def to_csv(views: Sequence[StudyView], published: bool) -> str:
    """See `trial_rows`."""
    return rows_to_csv(trial_rows(views, published))


def rows_to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """One table for `pandas.read_csv`."""
    import pandas as pd

    entries = [{name: _csv_value(value) for name, value in row.items()} for row in rows]
    # Columns of type object keep integers as integers when values are missing.
    table = pd.DataFrame(entries, dtype=object)
    return str(table.to_csv(index=False, lineterminator="\n"))


def trial_rows(views: Sequence[StudyView], published: bool) -> list[dict[str, Any]]:
    """A row per trial of each study, every setting and measurement a column.

    An arm that is not possible has a row without a trial.
    """
    rows: list[dict[str, Any]] = []
    for view in views:
        for outcome in view.results:
            arm = outcome.arm
            about = {
                "study": view.name,
                "kind": view.study.kind,
                "arm": outcome.name,
                **{f"axis_{axis}": arm.settings.get(axis) for axis in view.axes},
            }
            theirs = (reference.of_arm(view, outcome) or {}) if published else {}
            for trial_id in arm.trials or (None,):
                row = _trial_row(arm, trial_id, view.records)
                if trial_id is not None and trial_id in view.records:
                    row["findings"] = "; ".join(_findings(view, view.records[trial_id]))
                rows.append(about | row | {f"published_{n}": value for n, value in theirs.items()})
    return rows


def to_json(views: Sequence[StudyView], published: bool) -> str:
    """Studies, conclusions, arms, and each trial's spec, outcome, result and history, unrounded.

    Every claim has its numbers, the trials that it follows from and the name of its method.
    """
    entries = []
    made: list[Claim] = []
    for view in views:
        head = view.study.model_dump(mode="json", exclude={"arms"})
        arms = []
        for arm, outcome in zip(view.study.arms, view.results, strict=True):
            arms.append(
                {
                    **arm.model_dump(mode="json", exclude={"trials"}),
                    "trials": [_trial_json(view, name) for name in arm.trials],
                }
                | ({"published": reference.of_arm(view, outcome)} if published else {})
            )
        supported = conclusions(view)
        found = claims(view, supported)
        made += found
        said = {"conclusions": supported.sentences, "claims": list(map(asdict, found))}
        entries.append(head | said | {"arms": arms})
    report = origin.stated([view.name for view in views], published, format="json")
    document = {"report": report, "methods": methods_used(made), "studies": entries}
    return json.dumps(_finite(document), indent=2, ensure_ascii=False) + "\n"


def _trial_row(
    arm: Arm, trial_id: str | None, records: Mapping[str, TrialRecord]
) -> dict[str, Any]:
    if trial_id is None:
        if arm.impossible:
            return {"trial": None, "status": NOT_POSSIBLE, "reason": plain(arm.impossible)}
        return {"trial": None, "status": NOT_RUN, "reason": NOT_RUN}
    trial = records.get(trial_id)
    if trial is None or not trial.complete or trial.result is None:
        reason = trouble_of(trial_id, records)
        status = trial.state.status.value if trial else reason.split(":")[0]
        row = {"trial": trial_id, "status": status, "reason": reason}
        return row | (flat(trial.spec) if trial else {})
    result = _flattened(trial.result.model_dump(mode="json", exclude=set(_LISTS)))
    return {
        "trial": trial_id,
        "status": "complete",
        "reason": "",
        **flat(trial.spec),
        **result,
        "notes": " ".join(trial.result.notes),
    }


def _flattened(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields as `memory.peak_rss_mb`; settings have no dots."""
    row: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            row |= _flattened(value, f"{prefix}{name}.")
        else:
            row[f"{prefix}{name}"] = value
    return row


def _csv_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    return csv_cell(value) if isinstance(value, str) else value


def _findings(view: StudyView, trial: TrialRecord) -> list[str]:
    return [found.detail for found in training_checks.findings(trial, view.axes)]


def _trial_json(view: StudyView, trial_id: str) -> dict[str, Any]:
    trial, reason = view.records.get(trial_id), plain(trouble_of(trial_id, view.records))
    if trial is None:
        status = reason.split(":")[0]
        return {"trial": trial_id, "status": status} | (
            {"reason": reason} if reason != status else {}
        )
    state = trial.state
    return {
        "trial": trial_id,
        "status": state.status.value,
        "reason": reason,
        "attempts": state.attempts,
        "peak_rss_mb": state.peak_rss_mb,
        "started_at": state.started_at and state.started_at.isoformat(),
        "ended_at": state.ended_at and state.ended_at.isoformat(),
        "spec": trial.spec.model_dump(
            mode="json", exclude={"data": {"location"}, "model": {"weights_file"}}
        ),
        "findings": _findings(view, trial),
        "result": trial.result.model_dump(mode="json", exclude={"hits"}) if trial.result else None,
        "history": list(trial.history),
    }


def _finite(value: Any) -> Any:
    """NaN and infinity as null, since JSON has neither."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value

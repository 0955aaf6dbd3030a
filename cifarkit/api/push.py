"""Pushes the trials of a store to an experiment tracker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cifarkit.api.existing_store import existing_store
from cifarkit.api.maintenance import trial_ids
from cifarkit.store.file_io import UnreadableFile
from cifarkit.store.studies import trials_of


@dataclass(frozen=True)
class Pushed:
    """What was pushed to a tracker, by the trials' ids.

    Attributes:
        pushed: New or changed.
        kept: Those that the tracker had already.
        left_out: Why others were not pushed.
    """

    pushed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def push_results(
    to: str,
    targets: str | Sequence[str] = (),
    store: str | os.PathLike[str] = "runs",
    *,
    at: str | None = None,
) -> Pushed:
    """Push trials that ended to MLflow or TensorBoard, one run per trial.

    A run is found again by its trial's id: pushing twice changes nothing.

    Args:
        to: `mlflow` or `tensorboard`.
        targets: Trials' ids or their first letters, or studies' names; empty for all.
        store: The folder of results.
        at: MLflow's tracking URI (`MLFLOW_TRACKING_URI` if None), or TensorBoard's folder
            (`TENSORBOARD_LOGDIR`, or `tensorboard`).

    Raises:
        InvalidInput: There is no such trial or tracker, or its package is not installed.
        CifarkitError: The tracker cannot be reached or written.
    """
    from cifarkit.tracking.live import create
    from cifarkit.tracking.tracker import ended, studies_by_trial

    stored = existing_store(Path(store))
    ids = dict.fromkeys(stored.trial_ids() if not targets else ())
    studies = {study.name: study for study in stored.studies()}
    for target in [targets] if isinstance(targets, str) else targets:
        found = studies.get(target)
        ids |= dict.fromkeys(trials_of(found) if found else trial_ids(stored, [target]))
    pushed, tracking = Pushed(), create(to, at)
    listed = studies_by_trial(stored)
    known = set(stored.trial_ids())
    for trial_id in ids:
        if trial_id not in known:
            pushed.left_out[trial_id] = "it was not run"
            continue
        try:
            record = stored.read(trial_id)
            if not ended(record):
                pushed.left_out[trial_id] = f"it is {record.state.status.value}"
                continue
            changed = tracking.push(record, listed.get(trial_id, {}))
        except UnreadableFile as error:
            pushed.left_out[trial_id] = str(error)
            continue
        (pushed.pushed if changed else pushed.kept).append(trial_id)
    return pushed

"""Trains a trial of a store again, for its weights."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import get_args

from cifarkit.api import keeping
from cifarkit.api.existing_store import existing_store
from cifarkit.api.progress import progress
from cifarkit.api.retrain import Retrained, compared
from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.execution.launchers import create as create_launcher
from cifarkit.execution.runner import run as run_trials
from cifarkit.store.kept_weights import Precision, keep
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import KEPT_WEIGHTS, Store


def train(
    trial: str,
    store: str | os.PathLike[str] = "runs",
    *,
    keep_precision: Precision = "float32",
) -> Retrained:
    """Train a complete trial again and keep its weights, if it predicts what it did before.

    On a CPU of the same model, with the same versions, a training repeats to the last bit.

    Args:
        trial: Its id or its first letters; a study's name, for what it chose; or `"best"`.
        store: The folder of results.
        keep_precision: Of the kept weights; `float16` takes half of the space.

    Raises:
        InvalidInput: There is no such complete trial, or its weights were kept already.
        CifarkitError: It failed, or predicts something else now; no weights are kept.
    """
    from cifarkit.reporting import trial_lookup

    if keep_precision not in get_args(Precision):
        raise InvalidInput(f"keep_precision: give 'float32' or 'float16', got {keep_precision!r}")
    stored = existing_store(Path(store))
    record = trial_lookup.trial_or_study(stored, trial).record
    if not record.complete:
        raise InvalidInput(
            f"trial {record.trial_id} is not complete ({record.state.status.value}): run its study"
        )
    if (record.folder / KEPT_WEIGHTS).exists():
        raise InvalidInput(f"the weights of trial {record.trial_id} were kept already")
    with tempfile.TemporaryDirectory(prefix="cifarkit-train-") as folder:
        again = Store(Path(folder))
        _bring_donor(record, stored, again)
        with progress("Training again", {record.trial_id: record.trial_id}) as show:
            run_trials(
                [record.spec],
                again,
                create_launcher("process", {}),
                work=keeping.WORK["all"],
                files=(KEPT_WEIGHTS,),
                on_event=show,
            )
        found = compared(record, again)
        if found.failure:
            raise CifarkitError(f"trial {record.trial_id}: {found.failure}")
        if not found.equal:
            why = f" ({'; '.join(found.elsewhere)})" if found.elsewhere else ""
            raise CifarkitError(
                f"trial {record.trial_id}, trained again, classifies {found.changed_predictions:,} "
                f"of {found.images:,} test images differently{why}: these are not its weights, and "
                f"they were not kept. To have a trial with weights that was trained here, remove "
                f"this one (cifarkit store remove) and run its study with --keep-weights all."
            )
        keep(stored, record.trial_id, keep_precision, again.folder(record.trial_id) / KEPT_WEIGHTS)
    return found


def _bring_donor(record: TrialRecord, store: Store, again: Store) -> None:
    """Copy what a trial with `--weights trial:ID` starts from."""
    weights = record.spec.model.weights
    if not weights.startswith("trial:"):
        return
    donor = weights.removeprefix("trial:")
    source, target = store.folder(donor), again.folder(donor)
    if not (source / KEPT_WEIGHTS).is_file():
        raise InvalidInput(
            f"trial {record.trial_id} starts from the weights of trial {donor}, which has none; "
            f"`cifarkit train {donor}` first"
        )
    target.mkdir(parents=True)
    for name in ("spec.json", KEPT_WEIGHTS):
        shutil.copy(source / name, target / name)

"""Weights of a study's trials, until it is known which are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from cifarkit.atomic_write import atomic_writer
from cifarkit.store.file_io import checksum
from cifarkit.store.records import Status
from cifarkit.store.store import KEPT_WEIGHTS, Store

CANDIDATE = "candidate.weights.h5"
"""Like `KEPT_WEIGHTS`, of a trial that may be chosen. It is no artifact: it is not exported, and
has no checksum."""
Precision = Literal["float32", "float16"]


def keep(store: Store, trial_id: str, precision: Precision, weights: Path | None = None) -> bool:
    """Make weights the trial's kept ones.

    Args:
        precision: Of the file; `float16` takes half of the space.
        weights: The file, which is left as it is; the trial's candidate by default.

    Returns:
        Whether the trial has kept weights now.
    """
    folder = store.folder(trial_id)
    kept, candidate = folder / KEPT_WEIGHTS, folder / CANDIDATE
    with store.lock(trial_id):
        state = store.state(trial_id)
        source = weights or candidate
        if not kept.exists() and source.is_file() and state.status is Status.COMPLETE:
            with atomic_writer(kept) as target, source.open("rb") as stream:
                while block := stream.read(2**20):
                    target.write(block)
            if precision == "float16":
                halve(kept)
            sums = {**state.checksums, KEPT_WEIGHTS: checksum(kept)}
            store.write_state(trial_id, state.model_copy(update={"checksums": sums}))
        candidate.unlink(missing_ok=True)
    return kept.is_file()


def discard(store: Store, trial_id: str) -> None:
    """Remove a trial's candidate."""
    (store.folder(trial_id) / CANDIDATE).unlink(missing_ok=True)


def halve_kept(store: Store, trial_id: str) -> None:
    """Rewrite a trial's kept weights in float16."""
    kept = store.folder(trial_id) / KEPT_WEIGHTS
    with store.lock(trial_id):
        state = store.state(trial_id)
        if kept.is_file() and state.status is Status.COMPLETE:
            halve(kept)
            sums = {**state.checksums, KEPT_WEIGHTS: checksum(kept)}
            store.write_state(trial_id, state.model_copy(update={"checksums": sums}))


def halve(path: Path) -> None:
    """Rewrite a file of weights with float16 in place of float32, where no value would overflow."""
    import h5py

    temporary = path.with_name(f".{path.name}")
    temporary.unlink(missing_ok=True)
    most = np.finfo(np.float16).max
    with h5py.File(path) as before, h5py.File(temporary, "w") as after:
        for name, value in before.attrs.items():
            after.attrs[name] = value

        def copy(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                values = item[()]
                if item.dtype == np.float32 and np.all(np.abs(values) <= most):
                    values = values.astype(np.float16)
                made = after.create_dataset(name, data=values)
            else:
                made = after.require_group(name)
            for key, value in item.attrs.items():  # type: ignore[attr-defined]
                made.attrs[key] = value

        before.visititems(copy)
    temporary.replace(path)

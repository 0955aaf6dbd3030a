"""Trials of earlier versions, which identified a folder or an `.npz` by names and sizes only."""

from __future__ import annotations

from collections.abc import Iterable

from cifarkit.specs import TrialSpec, identity
from cifarkit.trials.reading import UnreadableFile, read_spec
from cifarkit.trials.store import Store


def identified_by_sizes(specs: Iterable[TrialSpec], store: Store) -> int:
    """How many trials of the store are these specs, but for the way their data was identified.

    Their results may be of other images of the same names and sizes, so they are never taken for
    these trials.
    """
    wanted = {_apart_from_content(spec) for spec in specs if _by_content(spec)}
    found = 0
    for trial_id in store.trial_ids() if wanted else ():
        try:
            spec = read_spec(store.folder(trial_id))
        except UnreadableFile:
            continue
        found += not _by_content(spec) and _apart_from_content(spec) in wanted
    return found


def _by_content(spec: TrialSpec) -> bool:
    return (spec.data.fingerprint or "").startswith("blake2b:")


def _apart_from_content(spec: TrialSpec) -> tuple[str, str | None]:
    dumped = spec.model_dump(mode="json")
    dumped["data"]["fingerprint"] = None
    return identity(dumped), spec.data.location

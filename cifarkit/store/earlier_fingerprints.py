"""Trials of earlier versions, whose data was identified by file names and sizes only."""

from __future__ import annotations

from collections.abc import Iterable

from cifarkit.specs import TrialSpec, identity
from cifarkit.store.file_io import UnreadableFile, read_spec
from cifarkit.store.store import Store


def identified_by_sizes(specs: Iterable[TrialSpec], store: Store) -> int:
    """How many stored trials match these specs except for how their data was identified.

    Their results may be of other images of the same names and sizes, so they are never taken for
    these trials.
    """
    wanted = {_apart_from_content(spec) for spec in specs if spec.data.location is not None}
    found = 0
    for trial_id in store.trial_ids() if wanted else ():
        try:
            spec = read_spec(store.folder(trial_id))
        except UnreadableFile:
            continue
        found += spec.data.identified_by_sizes and _apart_from_content(spec) in wanted
    return found


def _apart_from_content(spec: TrialSpec) -> tuple[str, str | None]:
    dumped = spec.model_dump(mode="json")
    dumped["data"]["fingerprint"] = None
    return identity(dumped), spec.data.location

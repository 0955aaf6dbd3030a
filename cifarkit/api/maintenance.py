"""Looks after a store: checks and repairs it, renames and removes, exports and imports."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cifarkit.api.existing_store import existing_store
from cifarkit.errors import CifarkitError
from cifarkit.store import archive, archive_reading, maintenance, studies
from cifarkit.store.archive_reading import ImportSummary
from cifarkit.store.maintenance import Finding
from cifarkit.store.store import Store
from cifarkit.store.sync import SyncSummary, sync


@dataclass(frozen=True)
class Removed:
    """What was removed from a store.

    Attributes:
        trials: Their ids.
        studies: By name, the ids of the study's trials that are now in no study.
    """

    trials: list[str]
    studies: dict[str, list[str]]


@dataclass(frozen=True)
class Exported:
    """What was written to an archive.

    Attributes:
        trials: Their ids.
        left_out: Why other trials were not written, by id.
    """

    trials: list[str]
    left_out: dict[str, str]


def check_store(store: str | os.PathLike[str] = "runs", *, repair: bool = False) -> list[Finding]:
    """Check every file of a store against its checksum and schema.

    Args:
        store: The folder of results.
        repair: Set damaged files aside, so that the same calls recreate them; remove leftovers of
            interrupted writes; mark trials whose process died as not run.

    Raises:
        InvalidInput: There is no such store.
    """
    return list(maintenance.check(existing_store(Path(store)), repair=repair))


def rename_study(study: str, new: str, store: str | os.PathLike[str] = "runs") -> None:
    """Rename a study; the call that made it still resumes it.

    Raises:
        InvalidInput: There is no such study, or the new name is taken or cannot be one.
    """
    studies.rename(existing_store(Path(store)), study, new)


def remove_results(
    targets: str | Sequence[str], store: str | os.PathLike[str] = "runs", *, force: bool = False
) -> Removed:
    """Remove trials with all their files, or studies; the trials of a removed study stay.

    Args:
        targets: Trials' ids or their first letters, or studies' names.
        store: The folder of results.
        force: Also remove trials that a study lists.

    Raises:
        InvalidInput: One is not there, is listed by a study, or is running. No trial was removed.
    """
    stored = existing_store(Path(store))
    wanted = dict.fromkeys([targets] if isinstance(targets, str) else targets)
    known = {study.name for study in stored.studies()}
    ids = trial_ids(stored, (target for target in wanted if target not in known))
    maintenance.remove(stored, ids, force=force)
    return Removed(ids, {name: studies.remove(stored, name) for name in wanted if name in known})


def export_trials(
    file: str | os.PathLike[str],
    trials: Sequence[str] = (),
    store: str | os.PathLike[str] = "runs",
) -> Exported:
    """Write trials and their studies into one archive, to carry them to another machine.

    Args:
        file: The archive to write, a `.tar.gz`.
        trials: Ids or their first letters; empty for all.
        store: The folder of results.

    Raises:
        InvalidInput: The file exists or cannot be written, or the store lacks a trial.
    """
    stored = existing_store(Path(store))
    return Exported(*archive.export(stored, Path(file), trial_ids(stored, trials)))


def import_trials(
    file: str | os.PathLike[str], store: str | os.PathLike[str] = "runs"
) -> ImportSummary:
    """Add an archive's trials and studies; complete trials of the store are kept.

    Raises:
        InvalidInput: The archive is damaged, or is not as `export_trials` writes them; nothing was
            added.
    """
    return archive_reading.import_archive(Store(Path(store)), Path(file))


def sync_stores(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> SyncSummary:
    """Copy trials and studies between two stores, both ways, so that both have all of them.

    The same call goes on after an interruption; nothing is copied twice.

    Args:
        one: A folder of results, which may be new.
        other: Another one; it may be mounted from elsewhere.

    Raises:
        InvalidInput: They are one folder, neither exists, or another process synchronizes one.
        CifarkitError: One cannot be written.
    """
    try:
        return sync(Store(Path(one)), Store(Path(other)))
    except OSError as error:
        raise CifarkitError(f"cannot write to {error.filename or other}: {error}") from None


def trial_ids(store: Store, texts: Iterable[str]) -> list[str]:
    """The trials that ids or their first letters stand for, each once."""
    from cifarkit.reporting.trial_lookup import id_of

    return list(dict.fromkeys(id_of(store, text) for text in texts))

"""Checking and repairing a store, and removing trials."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from cifarkit.errors import InvalidInput
from cifarkit.store.file_io import DamagedFile, UnreadableFile, read_model
from cifarkit.store.kept_weights import CANDIDATE
from cifarkit.store.records import Status
from cifarkit.store.repair import faults, set_all_aside, set_aside
from cifarkit.store.screens import FOLDER, ScreenRecord, screen_paths
from cifarkit.store.store import KEPT_WEIGHTS, Store, read_study
from cifarkit.store.studies import trials_of

LEFTOVER_SECONDS = 60.0
"""Temporary files older than this are leftovers."""


@dataclass(frozen=True)
class Finding:
    """A problem in a store, or a leftover of a killed command.

    Attributes:
        path: The file or the trial's folder.
        problem: In one line.
        repaired: What was done about it; empty if nothing was.
        is_fault: False for leftovers of a kill, which need no repair: the same command resumes.
    """

    path: Path
    problem: str
    repaired: str = ""
    is_fault: bool = True


def check(store: Store, *, repair: bool = False) -> Iterator[Finding]:
    """Check every file of a store against its checksum and schema.

    Running trials are skipped.

    Args:
        store: The store to check.
        repair: Set damaged files aside, so that the same commands recreate them; remove leftovers
            of interrupted writes; mark trials whose process has died as not run.
    """
    for trial_id in store.trial_ids():
        yield from _check_trial(store, trial_id, repair)
    for path in store.study_paths():
        try:
            read_study(path)
        except UnreadableFile as fault:
            yield Finding(path, fault.why, _put_aside(fault) if repair else "")
    for path in screen_paths(store.root):
        try:
            read_model(path, ScreenRecord)
        except UnreadableFile as fault:
            yield Finding(path, fault.why, _put_aside(fault) if repair else "")
    yield from _leftovers(store.root / "studies", repair)
    yield from _leftovers(store.root / FOLDER, repair)
    for folder in sorted(store.root.glob("trials/.import.*")):
        yield from _leftover(folder, repair)


def _check_trial(store: Store, trial_id: str, repair: bool) -> Iterator[Finding]:
    folder = store.folder(trial_id)
    if folder.is_symlink():
        done = f"set aside as {set_aside(folder).name}" if repair else ""
        yield Finding(folder, "is a link; a trial's files must be in the store itself", done)
        return
    try:
        with store.lock(trial_id, timeout=0):
            found = faults(folder, thorough=True)
            for fault in found:
                yield Finding(fault.path, fault.why, _put_aside(fault) if repair else "")
            if repair:
                set_all_aside(folder, [])
            if not found and store.state(trial_id).status is Status.RUNNING:
                problem = "interrupted; the same command resumes it"
                yield Finding(folder, problem, _reset(store, trial_id, repair), is_fault=False)
            yield from _leftovers(folder, repair)
    except Timeout:
        return
    except (OSError, UnreadableFile) as error:
        yield Finding(folder, f"cannot be checked: {error}")


def _reset(store: Store, trial_id: str, repair: bool) -> str:
    if not repair:
        return ""
    changes = {"status": Status.PENDING, "reason": "the process that ran it died"}
    store.write_state(trial_id, store.state(trial_id).model_copy(update=changes))
    return "marked as not run"


def _put_aside(fault: UnreadableFile) -> str:
    path = fault.path
    if not isinstance(fault, DamagedFile) or not (path.exists() or path.is_symlink()):
        return ""
    return f"set aside as {set_aside(path).name}"


def _leftovers(folder: Path, repair: bool) -> Iterator[Finding]:
    for path in sorted(folder.glob(".*.json.*")) + sorted(folder.glob(".*.csv.*")):
        yield from _leftover(path, repair)
    for name in ("predictions.npz", KEPT_WEIGHTS, CANDIDATE):
        for path in sorted(folder.glob(f".{name}*")):
            yield from _leftover(path, repair)


def _leftover(path: Path, repair: bool) -> Iterator[Finding]:
    try:
        if time.time() - path.lstat().st_mtime < LEFTOVER_SECONDS:
            return
    except FileNotFoundError:  # it has just been renamed
        return
    if repair:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    problem = "is left over from an interrupted write"
    yield Finding(path, problem, "removed" if repair else "", is_fault=False)


def remove(store: Store, trial_ids: Sequence[str], *, force: bool = False) -> None:
    """Remove trials from a store, all of them or none.

    Args:
        store: The store.
        trial_ids: Trials to remove.
        force: Also remove trials that a study lists; its rows then say "not run".

    Raises:
        InvalidInput: One is not there, is listed by a study, or is running.
    """
    known = set(store.trial_ids())
    for trial_id in trial_ids:
        if trial_id not in known:
            raise InvalidInput(f"no trial {trial_id!r} in {store.root}")
        named = [study.name for study in store.studies() if trial_id in trials_of(study)]
        if named and not force:
            raise InvalidInput(
                f"trial {trial_id} belongs to {', '.join(named)}; --force removes it all the same"
            )
    locks = [store.lock(trial, timeout=0) for trial in trial_ids if not _is_link(store, trial)]
    try:
        for lock in locks:
            try:
                lock.acquire()
            except Timeout:
                raise InvalidInput(f"trial {Path(lock.lock_file).parent.name} is running") from None
        for trial_id in trial_ids:
            if _is_link(store, trial_id):
                store.folder(trial_id).unlink()
            else:
                shutil.rmtree(store.folder(trial_id))
    finally:
        for lock in locks:
            lock.release()


def _is_link(store: Store, trial_id: str) -> bool:
    return store.folder(trial_id).is_symlink()

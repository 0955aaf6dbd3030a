"""Brings two stores to the same trials and studies, by copying what each one lacks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import Timeout

from cifarkit.atomic_write import atomic_writer
from cifarkit.digests import blocks, digest
from cifarkit.errors import InvalidInput
from cifarkit.locking import lock
from cifarkit.store.archive import TRIAL_FILES
from cifarkit.store.archive_reading import ImportSummary, take_screen, take_study, take_trial
from cifarkit.store.file_io import UnreadableFile, read_state
from cifarkit.store.records import State, Status
from cifarkit.store.screens import screen_paths
from cifarkit.store.store import Store

STAGED = ".import.sync-"
"""Trials being copied, in the folder of trials; `store check --repair` removes old ones."""
_UNSETTLED = (Status.PENDING, Status.RUNNING)


@dataclass
class SyncSummary:
    """The result of a synchronization.

    Attributes:
        into: What each of the two stores was given, in their order.
        copied_bytes: What was copied; files found from an interrupted synchronization not counted.
        unlike: Trials that both stores had completed, with other results. Each keeps its own.
    """

    into: tuple[ImportSummary, ImportSummary]
    copied_bytes: int = 0
    unlike: list[str] = field(default_factory=list)


def sync(one: Store, other: Store) -> SyncSummary:
    """Copy trials and studies both ways, so that both stores have all that either has.

    A complete trial goes where there is none; one that ended badly goes where there is nothing.
    Trials that run or wait are left alone. What arrives goes through the checks of an import. A
    file that has arrived is not copied again, also after an interruption.

    Raises:
        InvalidInput: They are one folder, neither exists, or another process synchronizes one.
        OSError: A store cannot be written.
    """
    stores = (one, other)
    if not any((store.root / "trials").is_dir() for store in stores):
        raise InvalidInput(f"there are no results in {one.root} or {other.root}")
    for store in stores:
        (store.root / "trials").mkdir(parents=True, exist_ok=True)
    if os.path.samefile(one.root, other.root):
        raise InvalidInput(f"{one.root} and {other.root} are the same folder; name two stores")
    summary = SyncSummary((ImportSummary(), ImportSummary()))
    with _alone(one, other):
        states = tuple(
            _states(store, found) for store, found in zip(stores, summary.into, strict=True)
        )
        for source, target in ((0, 1), (1, 0)):
            for trial_id, state in states[source].items():
                there = states[target].get(trial_id)
                if there is not None and there.status is Status.COMPLETE is state.status:
                    if source == 0 and _result_of(state) != _result_of(there):
                        summary.unlike.append(trial_id)
                    continue
                wanted = state.status is Status.COMPLETE or there is None
                if wanted and state.status not in _UNSETTLED:
                    summary.copied_bytes += _send(
                        stores[source], stores[target], trial_id, state, summary.into[target]
                    )
            _send_studies(stores[source], stores[target], summary.into[target])
    return summary


@contextmanager
def _alone(one: Store, other: Store) -> Iterator[None]:
    """While no other process synchronizes one of the stores."""
    first, second = sorted((one.root, other.root), key=os.path.realpath)
    try:
        with lock(first / "sync.lock", timeout=0), lock(second / "sync.lock", timeout=0):
            yield
    except Timeout as error:
        folder = Path(error.lock_file).parent
        raise InvalidInput(f"another process synchronizes {folder}; try again later") from None


def _states(store: Store, summary: ImportSummary) -> dict[str, State]:
    """The state of each trial; what cannot be read is noted as refused."""
    found: dict[str, State] = {}
    for trial_id in store.trial_ids():
        try:
            found[trial_id] = read_state(store.folder(trial_id))
        except UnreadableFile as error:
            summary.refused[trial_id] = str(error)
    return found


def _result_of(state: State) -> str | None:
    return state.checksums.get("result.json")


def _send(source: Store, target: Store, trial_id: str, state: State, summary: ImportSummary) -> int:
    """Copy a trial and take it in; returns how many bytes were copied."""
    parent = target.root / "trials" / f"{STAGED}{trial_id}"
    staged, sent = parent / trial_id, 0
    staged.mkdir(parents=True, exist_ok=True)
    checksums: Mapping[str, str] = {str(name): sum_ for name, sum_ in state.checksums.items()}
    try:
        for name in TRIAL_FILES:
            path = source.folder(trial_id) / name
            if path.is_file() and not path.is_symlink():
                sent += _copy(path, staged / name, checksums.get(name))
    except OSError as error:
        summary.refused[trial_id] = str(error)
        return sent
    with lock(target.root / "lock"):
        take_trial(target, staged, summary)
    shutil.rmtree(parent, ignore_errors=True)
    return sent


def _copy(path: Path, copy: Path, checksum: str | None) -> int:
    """The bytes that were copied: none if the file is there with its checksum."""
    if checksum is not None and copy.is_file():
        with copy.open("rb") as stream:
            if digest(blocks(stream)) == checksum:
                return 0
    with path.open("rb") as stream, atomic_writer(copy) as target:
        shutil.copyfileobj(stream, target, 2**20)
        return target.tell()


def _send_studies(source: Store, target: Store, summary: ImportSummary) -> None:
    for path in source.study_paths():
        take_study(target, path, summary)
    for path in screen_paths(source.root):
        take_screen(target, path, summary)

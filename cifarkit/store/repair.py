"""Finds damaged files of a trial and sets them aside."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from cifarkit.errors import InvalidInput
from cifarkit.specs import TrialSpec
from cifarkit.store.file_io import (
    DamagedFile,
    UnreadableFile,
    check_sum,
    may_exist,
    read_history,
    read_model,
    read_spec,
    read_state,
    write_model,
)
from cifarkit.store.records import ARTIFACTS, Result, State


def faults(folder: Path, *, thorough: bool = False) -> list[UnreadableFile]:
    """The faults of a trial's files, one per file.

    Args:
        folder: The trial's folder, named by its id.
        thorough: Also read the large files: kept weights, and predictions without a checksum.
    """
    found: dict[Path, UnreadableFile] = {}

    def attempt(read: Callable[[], object]) -> None:
        try:
            read()
        except UnreadableFile as fault:
            found.setdefault(fault.path, fault)

    attempt(lambda: read_state(folder))
    state = State() if found else read_state(folder)
    attempt(lambda: read_spec(folder))
    for name in state.checksums:
        if thorough or not name.endswith(".h5"):
            attempt(lambda name=name: check_sum(folder, state, name))  # type: ignore[misc]
    result, history, saved = (folder / name for name in ARTIFACTS[:3])
    if may_exist(result):
        attempt(lambda: read_model(result, Result))
    if may_exist(history):
        attempt(lambda: list(read_history(history)))
    if thorough and may_exist(saved):
        attempt(lambda: _read_predictions(saved))
    return list(found.values())


def repair_trial(folder: Path, spec: TrialSpec) -> list[str]:
    """Set aside the damaged files of a trial that is about to run, and rewrite its spec.

    The caller holds the trial's lock.

    Returns:
        The faults, one line per file.

    Raises:
        UnavailableFile: A file could not be read; nothing was touched.
        ForeignFile: A file is of a newer cifarkit; nothing was touched.
    """
    found = faults(folder)
    for fault in found:
        if not isinstance(fault, DamagedFile):
            raise fault
    messages = [f"{fault.path.name} {fault.why}" for fault in found]
    set_all_aside(folder, found)
    path = folder / "spec.json"
    # The location of the data is not part of the id.
    if not path.exists() or read_spec(folder) != spec:
        write_model(path, spec)
    return messages


def set_all_aside(folder: Path, found: list[UnreadableFile]) -> None:
    """Set aside the damaged files of a trial, and links, which writes would follow."""
    paths = {fault.path for fault in found if isinstance(fault, DamagedFile)}
    paths |= {path for path in folder.iterdir() if path.is_symlink()}
    for path in sorted(paths):
        if os.path.lexists(path):
            set_aside(path)


def set_aside(path: Path) -> Path:
    """Rename a file or folder to `NAME.damaged-1`, or the next free number."""
    for number in count(1):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not os.path.lexists(aside):
            os.rename(path, aside)
            return aside
    raise AssertionError("there is always a next number")


def _read_predictions(path: Path) -> None:
    from cifarkit.store import predictions

    if path.is_symlink():
        raise DamagedFile(path, "is a link")
    try:
        predictions.read(path)
    except InvalidInput as error:
        raise DamagedFile(path, str(error).removeprefix(f"{path}: ")) from None

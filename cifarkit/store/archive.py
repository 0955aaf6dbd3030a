"""Export of trials and studies to an archive.

The archive is a `.tar.gz` of regular files. Its first member, `cifarkit.json`, lists every other
one with its size and SHA-256.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from filelock import Timeout
from pydantic import BaseModel, ConfigDict, Field

from cifarkit.atomic_write import atomic_writer
from cifarkit.digests import blocks, digest
from cifarkit.errors import InvalidInput
from cifarkit.store.fields import SCHEMA_VERSION
from cifarkit.store.file_io import UnreadableFile, read_state
from cifarkit.store.records import ARTIFACTS, Status
from cifarkit.store.repair import faults
from cifarkit.store.screens import FOLDER, read_screens
from cifarkit.store.store import Store
from cifarkit.store.studies import trials_of

CONTENTS = "cifarkit.json"
TRIAL_FILES = ("spec.json", "state.json", *ARTIFACTS, "log.txt")
MOST_MEMBERS = 20_000


class Member(BaseModel):
    """A file of the archive: its size in bytes and its checksum."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: Annotated[int, Field(ge=0, lt=2**35)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Contents(BaseModel):
    """`cifarkit.json`: every other member by its name, in the archive's order.

    Trials lie in `trials/<id>/`, studies in `studies/<number>.json`: their names, which may be
    long, are inside. Screenings lie in `screens/<number>.json`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    members: Annotated[dict[str, Member], Field(max_length=MOST_MEMBERS)]


def export(
    store: Store, target: Path, trial_ids: Sequence[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Write trials, and the studies of which all trials are among them, to a new archive.

    Screenings go with all trials.

    Args:
        store: The store to export from.
        target: The archive's path.
        trial_ids: The trials; empty for all trials and studies.

    Returns:
        The ids of the trials that were written, and why others were left out, by id.

    Raises:
        InvalidInput: The target exists or cannot be written, or the store lacks a trial.
    """
    known = store.trial_ids()
    for trial_id in trial_ids:
        if trial_id not in known:
            raise InvalidInput(f"no trial {trial_id!r} in {store.root}")
    if not known:
        raise InvalidInput(f"--runs: there is no trial in {store.root}")
    if os.path.lexists(target):
        raise InvalidInput(f"{target} exists; remove it, or name another file")
    files: dict[str, Path] = {}
    written, left_out = [], {}
    for trial_id in trial_ids or known:
        if reason := _unfit(store, trial_id):
            left_out[trial_id] = reason
            continue
        written.append(trial_id)
        for name in TRIAL_FILES:
            path = store.folder(trial_id) / name
            if path.is_file() and not path.is_symlink():
                files[f"trials/{trial_id}/{name}"] = path
    for number, study in enumerate(store.studies(), start=1):
        if not trial_ids or set(trials_of(study)) <= set(written):
            files[f"studies/{number}.json"] = store.root / "studies" / f"{study.name}.json"
    for number, screen in enumerate([] if trial_ids else read_screens(store.root)[0], start=1):
        files[f"screens/{number}.json"] = store.root / FOLDER / f"{screen.name}.json"
    if len(files) > MOST_MEMBERS:
        raise InvalidInput(f"more than {MOST_MEMBERS:,} files; export some of the trials at a time")
    try:
        _pack(files, target)
    except OSError as error:
        raise InvalidInput(f"{target} cannot be written: {error}") from None
    return written, left_out


def _unfit(store: Store, trial_id: str) -> str:
    """Why a trial cannot be exported; empty if it can."""
    folder = store.folder(trial_id)
    if folder.is_symlink():
        return "its folder is a link"
    try:
        with store.lock(trial_id, timeout=0):
            if found := faults(folder, thorough=True):
                return f"{found[0].path.name} {found[0].why}"
            if read_state(folder).status is Status.RUNNING:
                return "its process has died; `cifarkit store check --repair` marks it as not run"
    except Timeout:
        return "it is running"
    except (OSError, UnreadableFile) as error:
        return str(error)
    return ""


def _pack(files: dict[str, Path], target: Path) -> None:
    members = {name: _member(path) for name, path in files.items()}
    contents = Contents(members=members).model_dump_json(indent=1).encode()
    # Without times and owners, so that archives are reproducible.
    with (
        atomic_writer(target) as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        tar.addfile(_header(CONTENTS, len(contents)), io.BytesIO(contents))
        for name, path in files.items():
            with path.open("rb") as stream:
                tar.addfile(_header(name, members[name].bytes), stream)


def _member(path: Path) -> Member:
    with path.open("rb") as stream:
        sha256 = digest(blocks(stream))
        return Member(bytes=stream.tell(), sha256=sha256)


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = size
    header.mode = 0o644
    return header

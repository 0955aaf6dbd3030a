"""Import of trials and studies from an untrusted archive into a store.

Members are read as a stream, each into a path derived from the list of expected names, so that the
archive cannot choose a path. Each trial is then validated and moved into place as a whole.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from filelock import Timeout
from pydantic import ValidationError

from cifarkit.atomic_write import partial_folder
from cifarkit.digests import digest
from cifarkit.errors import InvalidInput, check_file
from cifarkit.locking import lock
from cifarkit.store.archive import CONTENTS, TRIAL_FILES, Contents, Member
from cifarkit.store.fields import SCHEMA_VERSION
from cifarkit.store.file_io import (
    MOST_BYTES,
    MOST_BYTES_OF,
    UnreadableFile,
    read_model,
    read_trial,
)
from cifarkit.store.records import ARTIFACTS, Status
from cifarkit.store.repair import faults
from cifarkit.store.screens import ScreenRecord, screen_paths, write_screen
from cifarkit.store.store import Store, read_study
from cifarkit.store.studies import merge

_EXPECTED = re.compile(
    rf"trials/[0-9a-f]{{12}}/({'|'.join(map(re.escape, TRIAL_FILES))})"
    r"|(studies|screens)/[0-9]{1,5}\.json",
    re.ASCII,
)
_BLOCK = 512


@dataclass
class ImportSummary:
    """The result of an import.

    Attributes:
        trials, studies, screens: What was added.
        kept: The trials, studies and screenings that were already in the store, unchanged.
        refused: By id or name, why others were not added.
    """

    trials: list[str] = field(default_factory=list)
    studies: list[str] = field(default_factory=list)
    screens: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def import_archive(store: Store, archive: Path) -> ImportSummary:
    """Add an archive's trials and studies to a store.

    Complete trials of the store are kept. A trial of the archive takes the place of one that is
    not complete, if it is complete itself. The same study is extended, and another one of the same
    name gets a name of its own.

    Raises:
        InvalidInput: The archive is damaged, or is not as `cifarkit store export` writes them;
            nothing was added.
    """
    check_file(archive)
    (store.root / "trials").mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".import.", dir=store.root / "trials"))
    try:
        _unpack(archive, staging)
        # Imports run one at a time, so that none sees another's half-moved trial.
        with lock(store.root / "lock"):
            return _import_all(store, staging)
    except _Refused as error:
        raise InvalidInput(f"{archive}: {error}") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def receive(folder: Path, archive: Path) -> None:
    """Take over the files of a trial that completed on another machine, after an import's checks.

    Its spec here stays: it has the place of the data here. The caller holds the trial's lock.

    Args:
        folder: The trial's folder here.
        archive: As `archive.export` writes it, of this trial alone.

    Raises:
        InvalidInput: The archive is damaged, or not of this trial, complete; nothing was changed.
    """
    staging = folder / ".received"
    with partial_folder(staging):
        try:
            _unpack(archive, staging)
        except _Refused as error:
            raise InvalidInput(f"the archive {error}") from None
        arrived = staging / "trials" / folder.name
        if not arrived.is_dir():
            raise InvalidInput("the archive is of another trial")
        if found := faults(arrived, thorough=True):
            raise InvalidInput(f"{found[0].path.name} {found[0].why}")
        if not read_trial(arrived).complete:
            raise InvalidInput("the trial is not complete")
        for name in reversed(ARTIFACTS):  # the result last, as a trial writes it
            if (arrived / name).exists():
                os.replace(arrived / name, folder / name)


class _Refused(Exception):
    """The reason to refuse an archive."""


def _unpack(archive: Path, staging: Path) -> None:
    try:
        with gzip.open(archive) as stream:
            contents = _contents(stream)
            needed = sum(member.bytes for member in contents.members.values())
            free = shutil.disk_usage(staging).free
            if needed > free:
                raise _Refused(f"would take {needed:,} bytes, {free:,} are free")
            for name, member in contents.members.items():
                _extract(stream, name, member, staging / name)
            if any(_exactly(stream, 2 * _BLOCK)):
                raise _Refused("holds more than it lists")
            # Reading to the end verifies gzip's checksum; tar pads to 10,240 bytes.
            if len(stream.read(20 * _BLOCK + 1)) > 20 * _BLOCK:
                raise _Refused("holds more than it lists")
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # gzip's errors have none
            raise _Refused(f"could not be unpacked: {error}") from None
        raise _Refused(f"is damaged or not a .tar.gz archive ({error})") from None


def _contents(stream: gzip.GzipFile) -> Contents:
    """The list of members; refused if it names anything that does not belong in a store."""
    size = _next(stream, CONTENTS)
    if size > MOST_BYTES:
        raise _Refused(f"lists more than {MOST_BYTES:,} bytes of names")
    listed = _exactly(stream, size)
    _padding(stream, size)
    try:
        contents = Contents.model_validate_json(listed)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if fault["loc"] == ("schema_version",):
            raise _Refused(
                f"was written by a newer cifarkit; this one reads up to schema_version "
                f"{SCHEMA_VERSION}"
            ) from None
        raise _Refused(f"its {CONTENTS} is invalid: {fault['msg']}") from None
    for name, member in contents.members.items():
        if not _EXPECTED.fullmatch(name):
            raise _Refused(f"holds {name[:200]!r}, which does not belong in a store")
        most = MOST_BYTES_OF.get(name.rpartition("/")[2], MOST_BYTES)
        if member.bytes > most:
            raise _Refused(f"its {name} is larger than {most:,} bytes")
    return contents


def _next(stream: gzip.GzipFile, name: str) -> int:
    """Read a member's header: it must be a regular file of that name. Its size in bytes.

    Links, devices, folders and the extended headers that could rename a file or claim much memory
    are refused by this, unread.
    """
    header = tarfile.TarInfo.frombuf(_exactly(stream, _BLOCK), "utf-8", "surrogateescape")
    if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or header.name != name:
        raise _Refused(f"holds {header.name[:200]!r} where the file {name} should be")
    return header.size


def _extract(stream: gzip.GzipFile, name: str, member: Member, target: Path) -> None:
    size = _next(stream, name)
    if size != member.bytes:
        raise _Refused(f"its {name} has another size than listed")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        sha256 = digest(_copied(stream, size, file))
        file.flush()
        os.fsync(file.fileno())
    if sha256 != member.sha256:
        raise _Refused(f"its {name} does not match its checksum")
    _padding(stream, size)


def _copied(stream: gzip.GzipFile, size: int, target: IO[bytes]) -> Iterator[bytes]:
    """Write so many bytes to the target, each block as it is passed on."""
    while size:
        block = _exactly(stream, min(size, 2**20))
        target.write(block)
        yield block
        size -= len(block)


def _padding(stream: gzip.GzipFile, size: int) -> None:
    _exactly(stream, -size % _BLOCK)


def _exactly(stream: gzip.GzipFile, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise _Refused("is cut short")
    return content


def _import_all(store: Store, staging: Path) -> ImportSummary:
    summary = ImportSummary()
    for folder in sorted(staging.glob("trials/*")):
        take_trial(store, folder, summary)
    for path in sorted(staging.glob("studies/*.json"), key=lambda path: int(path.stem)):
        take_study(store, path, summary)
    for path in sorted(staging.glob("screens/*.json"), key=lambda path: int(path.stem)):
        take_screen(store, path, summary)
    return summary


def take_trial(store: Store, folder: Path, summary: ImportSummary) -> None:
    """Check a trial's folder, which lies elsewhere in the store, and move it to its place.

    The caller holds the lock of imports, `lock` in the store's root.
    """
    trial_id = folder.name
    if found := faults(folder, thorough=True):
        summary.refused[trial_id] = f"{found[0].path.name} {found[0].why}"
        return
    record = read_trial(folder)
    if record.state.status is Status.RUNNING:
        summary.refused[trial_id] = "it was running when it was exported"
        return
    place = store.folder(trial_id)
    if place.is_symlink():
        summary.refused[trial_id] = "its folder here is a link"
        return
    try:
        if store.is_complete(trial_id):
            summary.kept.append(trial_id)
            return
        if not place.exists():
            with contextlib.suppress(OSError):  # another command has just created the folder
                os.rename(folder, place)
                summary.trials.append(trial_id)
                return
        with store.lock(trial_id, timeout=_lock_timeout(store, trial_id)):
            if not record.complete or store.is_complete(trial_id):
                summary.kept.append(trial_id)
                return
            # A process waiting for the old folder's lock then finds a complete trial.
            os.rename(place, folder.with_name(f"{trial_id}.old"))
            os.rename(folder, place)
            summary.trials.append(trial_id)
    except Timeout:
        summary.refused[trial_id] = "it is running here"
    except (OSError, UnreadableFile) as error:
        summary.refused[trial_id] = str(error)


def _lock_timeout(store: Store, trial_id: str) -> float:
    """How long to wait for a trial's lock: a check or an export ends soon, a training does not."""
    try:
        return 0.0 if store.state(trial_id).status is Status.RUNNING else 30.0
    except UnreadableFile:
        return 30.0


def take_study(store: Store, path: Path, summary: ImportSummary) -> None:
    """Add the study of a file, or what the store lacks of it."""
    try:
        study = read_study(path, named=False)
    except UnreadableFile as error:
        summary.refused[f"study {path.stem}"] = error.why
        return
    try:
        written = merge(store, study)
    except UnreadableFile as error:  # a newer cifarkit's study has the name
        summary.refused[f"study {study.name}"] = str(error)
        return
    if written is None:
        summary.kept.append(study.name)
    else:
        summary.studies.append(written.name)


def take_screen(store: Store, path: Path, summary: ImportSummary) -> None:
    """Add the screening of a file, unless the store has one of its name, the same."""
    try:
        screen = read_model(path, ScreenRecord)
    except UnreadableFile as error:
        summary.refused[f"screening {path.stem}"] = error.why
        return
    if screen.name in (one.stem for one in screen_paths(store.root)):
        summary.kept.append(screen.name)
    else:
        write_screen(store.root, screen)
        summary.screens.append(screen.name)

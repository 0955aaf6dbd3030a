"""Where a training stands, on the disk: what an attempt that was killed hands to the next one.

A checkpoint is one file, `epoch-00007.checkpoint`: the SHA-256 of the rest in hexadecimal, a line
feed, and a NumPy `.npz` of plain arrays (nothing in it is ever unpickled). It is written beside its
place, flushed to the disk and renamed. The one before it stays, in case it cannot be read.

Writing is throttled: after the first epoch's, the next one waits until training has gone on for
twenty times as long as the last one took to write, so that checkpoints cost less than 5% of a
training, whatever the disk.
"""

from __future__ import annotations

import json
import logging
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from cifarkit.atomic_write import atomic_writer
from cifarkit.digests import blocks, digest
from cifarkit.store.store import CHECKPOINTS

_LOG = logging.getLogger(__name__)
TRAINED_PER_WRITTEN = 20.0
"""Seconds trained for each second that is spent on a checkpoint, at least."""
_DIGEST = 64


@dataclass(frozen=True)
class ResourceUsage:
    """What the attempts before this one used, up to the checkpoint that it goes on from.

    Attributes:
        seconds: From the start of each attempt's process to its checkpoint, summed.
        peak_rss_mb, device_peak_mb: The highest of any of them; None for no accelerator.
    """

    seconds: float = 0.0
    peak_rss_mb: float = 0.0
    device_peak_mb: float | None = None

    def and_then(self, later: ResourceUsage) -> ResourceUsage:
        device = [mb for mb in (self.device_peak_mb, later.device_peak_mb) if mb is not None]
        return ResourceUsage(
            self.seconds + later.seconds,
            max(self.peak_rss_mb, later.peak_rss_mb),
            max(device, default=None),
        )


@dataclass(frozen=True)
class Snapshot:
    """Where a training stood after an epoch.

    Attributes:
        progress: What is known besides arrays, as JSON takes it; floats come back bit by bit.
        variables: Arrays by what they belong to, in the order of the model's or the optimizer's
            variables.
    """

    progress: Mapping[str, Any]
    variables: Mapping[str, Sequence[np.ndarray]]


class Unreadable(ValueError):
    """A checkpoint that is not what was written."""


class Checkpoints:
    """The checkpoints of one trial, of which the newest two are kept.

    Args:
        folder: Of the trial.
        identity: What a checkpoint must have been made by to be of use; another's is left alone.
        measure: Tells what this process has used so far.

    Attributes:
        spent: By the attempts before this one; nothing before `load` has found a checkpoint.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], measure: Callable[[], ResourceUsage]
    ) -> None:
        self._folder, self._identity, self._measure = folder, dict(identity), measure
        self._newest: Path | None = None
        self._due_at = 0.0
        self.spent = ResourceUsage()

    def load(self) -> Snapshot | None:
        """The newest that is sound; a damaged one is named in the log and passed over.

        Raises:
            OSError: One could not be read. To go on from an earlier one would lose what it holds.
        """
        for path in sorted(self._folder.glob(CHECKPOINTS), reverse=True):
            try:
                about, variables = _read(path)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from error
            except Unreadable as error:
                _LOG.warning("%s cannot be used: %s; trying the one before", path.name, error)
                continue
            if about["identity"] != self._identity:
                _LOG.warning("%s was made by %s: left alone", path.name, about["identity"])
                continue
            self.spent = ResourceUsage(**about["spent"])
            self._newest = path
            return Snapshot(about["progress"], variables)
        return None

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._due_at

    def save(self, epoch: int, snapshot: Snapshot) -> None:
        """Write a checkpoint, and remove all but it and the one before.

        Raises:
            OSError: It could not be written; those that were there still are.
        """
        began = time.monotonic()
        about = {
            "identity": self._identity,
            "progress": snapshot.progress,
            "spent": asdict(self.spent.and_then(self._measure())),
        }
        path = self._folder / f"epoch-{epoch:05d}.checkpoint"
        _write(path, about, snapshot.variables)
        for old in self._folder.glob(CHECKPOINTS):
            if old not in (path, self._newest):
                old.unlink()
        self._newest = path
        ended = time.monotonic()
        _LOG.info("%s written in %.2f s", path.name, ended - began)
        self._due_at = ended + TRAINED_PER_WRITTEN * (ended - began)


def _write(
    path: Path, about: Mapping[str, Any], variables: Mapping[str, Sequence[np.ndarray]]
) -> None:
    arrays = {
        f"{owner}.{index}": array
        for owner, found in variables.items()
        for index, array in enumerate(found)
    }
    text = json.dumps(
        {**about, "counts": {owner: len(found) for owner, found in variables.items()}}
    )
    arrays["about"] = np.frombuffer(text.encode(), np.uint8)
    # One name for all, so that kills leave no more than one half-written file behind.
    with atomic_writer(path, temporary=path.with_name(".checkpoint.part")) as stream:
        stream.write(b"." * _DIGEST + b"\n")
        np.savez(stream, allow_pickle=False, **arrays)
        stream.flush()
        checksum = _checksum(stream)
        stream.seek(0)
        stream.write(checksum)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
    with path.open("rb") as stream:
        if stream.read(_DIGEST) != _checksum(stream):
            raise Unreadable("its checksum does not match")
        stream.seek(_DIGEST + 1)
        try:
            with np.load(stream, allow_pickle=False) as packed:
                about = json.loads(packed["about"].tobytes())
                variables = {
                    owner: [packed[f"{owner}.{index}"] for index in range(count)]
                    for owner, count in about.pop("counts").items()
                }
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise Unreadable(str(error)) from None
    return about, variables


def _checksum(stream: IO[bytes]) -> bytes:
    """Of everything after the line that holds it."""
    stream.seek(_DIGEST + 1)
    return digest(blocks(stream)).encode()

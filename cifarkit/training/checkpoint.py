"""Checkpoints, from which a trial resumes after it was killed.

A checkpoint is one file, `epoch-00007.checkpoint`: the SHA-256 of the rest in hexadecimal, a line
feed, and a NumPy `.npz` of plain arrays, which is loaded without pickle. It is written to a
temporary file and renamed; the previous one is kept in case it cannot be read.

Between two checkpoints the training runs for at least twenty times as long as the last one took to
write, so that checkpoints cost less than 5% of the training on any disk.
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
"""The least seconds of training per second of writing checkpoints."""
_DIGEST = 64


@dataclass(frozen=True)
class ResourceUsage:
    """Resources used by one or more attempts.

    Attributes:
        seconds: From the start of each attempt's process, summed.
        peak_rss_mb, device_peak_mb: The maximum over the attempts; None without an accelerator.
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
    """The state of a training after an epoch.

    Attributes:
        progress: JSON values; floats are restored exactly.
        variables: Arrays by owner, in the order of the model's or the optimizer's variables.
    """

    progress: Mapping[str, Any]
    variables: Mapping[str, Sequence[np.ndarray]]


class Unreadable(ValueError):
    """A damaged checkpoint."""


class Checkpoints:
    """The newest two checkpoints of a trial.

    Args:
        folder: The trial's folder.
        identity: Checkpoints with another identity are ignored.
        measure: Returns the resources used by this process so far.

    Attributes:
        spent: Resources used by earlier attempts up to the checkpoint that `load` returned.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], measure: Callable[[], ResourceUsage]
    ) -> None:
        self._folder, self._identity, self._measure = folder, dict(identity), measure
        self._newest: Path | None = None
        self._due_at = 0.0
        self.spent = ResourceUsage()

    def load(self) -> Snapshot | None:
        """The newest undamaged checkpoint; damaged ones are logged and skipped.

        Raises:
            OSError: A checkpoint could not be read; resuming from an earlier one would lose it.
        """
        for path in sorted(self._folder.glob(CHECKPOINTS), reverse=True):
            try:
                header, variables = _read(path)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from error
            except Unreadable as error:
                _LOG.warning("%s cannot be used: %s; trying the previous one", path.name, error)
                continue
            if header["identity"] != self._identity:
                _LOG.warning("%s has another identity, %s: ignored", path.name, header["identity"])
                continue
            self.spent = ResourceUsage(**header["spent"])
            self._newest = path
            return Snapshot(header["progress"], variables)
        return None

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._due_at

    def save(self, epoch: int, snapshot: Snapshot) -> None:
        """Write a checkpoint, and remove all but it and the previous one.

        Raises:
            OSError: It could not be written; the earlier ones are kept.
        """
        began = time.monotonic()
        header = {
            "identity": self._identity,
            "progress": snapshot.progress,
            "spent": asdict(self.spent.and_then(self._measure())),
        }
        path = self._folder / f"epoch-{epoch:05d}.checkpoint"
        _write(path, header, snapshot.variables)
        for old in self._folder.glob(CHECKPOINTS):
            if old not in (path, self._newest):
                old.unlink()
        self._newest = path
        ended = time.monotonic()
        _LOG.info("%s written in %.2f s", path.name, ended - began)
        self._due_at = ended + TRAINED_PER_WRITTEN * (ended - began)


def _write(
    path: Path, header: Mapping[str, Any], variables: Mapping[str, Sequence[np.ndarray]]
) -> None:
    arrays = {
        f"{owner}.{index}": array
        for owner, found in variables.items()
        for index, array in enumerate(found)
    }
    text = json.dumps(
        {**header, "counts": {owner: len(found) for owner, found in variables.items()}}
    )
    arrays["about"] = np.frombuffer(text.encode(), np.uint8)
    # A fixed name, so that a kill leaves at most one partial file.
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
                header = json.loads(packed["about"].tobytes())
                variables = {
                    owner: [packed[f"{owner}.{index}"] for index in range(count)]
                    for owner, count in header.pop("counts").items()
                }
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise Unreadable(str(error)) from None
    return header, variables


def _checksum(stream: IO[bytes]) -> bytes:
    """SHA-256 of everything after the first line."""
    stream.seek(_DIGEST + 1)
    return digest(blocks(stream)).encode()

"""What a Ray task does on a node: one trial, in a fresh process, in a temporary folder.

What it yields goes to the `RayLauncher` that started it: the place, events, files (the trial's
checkpoints on the way, its archive at the end), and how it ended. No disk is shared.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import socket
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cifarkit.atomic_write import partial_folder
from cifarkit.datasets import cache_folder, registry
from cifarkit.digests import digest
from cifarkit.errors import CifarkitError
from cifarkit.execution.events import EpochEnded, WorkEvent, to_json
from cifarkit.execution.launchers import AttemptResult, ProcessLauncher
from cifarkit.execution.resource_monitor import Limits
from cifarkit.profiling.devices import environment_for, inventory
from cifarkit.specs import TrialSpec
from cifarkit.store.archive import export
from cifarkit.store.file_io import write_model
from cifarkit.store.records import State, Status
from cifarkit.store.store import CHECKPOINTS, Store, checksums

BLOCK_BYTES = 8 * 2**20
"""Files travel in blocks, so that the object store need not hold a whole one."""
FOLDERS = "cifarkit-trials"
SHIPPED = "shipped"
"""Shipped data, in the cache of a node."""
_DISTRIBUTIONS = ("cifarkit", "keras", "tensorflow")

Message = tuple[Any, ...]
"""`("here", place, host, node)`, `("event", json)`, `("file", name, block, ends)`,
`("needs data",)`, `("refused", reason, because_of_data)` or `("ended", AttemptResult)`."""


@dataclass(frozen=True)
class Job:
    """What travels to a node.

    Attributes:
        files: By their path in the folder of trials: the spec, the last checkpoint, and what the
            trial starts from of another one.
        versions: Those of the command's process (`versions`).
        checkpoint_seconds: The time between two checkpoints that are sent back.
        ships_data: Whether the command can send the data if the node does not have it.
    """

    trial_id: str
    work: str
    options: Mapping[str, Any]
    limits: Limits
    files: Mapping[str, bytes]
    versions: Mapping[str, str]
    checkpoint_seconds: float
    ships_data: bool


class NeedsData(Exception):
    """The node does not have the data."""


def versions() -> dict[str, str]:
    """What has to be the same on every node."""
    found = {"Python": ".".join(map(str, sys.version_info[:2]))}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def run_on_node(
    job: Job, node: str, data: Sequence[Any], get: Callable[[Any], bytes]
) -> Iterator[Message]:
    """Run a trial.

    Args:
        job: The trial.
        node: The node's id in the cluster.
        data: References to the blocks of the packed data; empty unless it was asked for.
        get: Fetches one.
    """
    host = socket.gethostname()
    yield "here", f"node {host} ({node[:6]})", f"{host}/{node[:6]}", node
    ours = versions()
    if other := [name for name in ours if job.versions.get(name) != ours[name]]:
        told = "; ".join(
            f"{name} {ours[name]} there, {job.versions.get(name)} here" for name in other
        )
        yield "refused", f"it has other versions: {told}", False
        return
    with _own_folder() as root:
        store = Store(root)
        for name, content in job.files.items():
            path = root / "trials" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        folder = store.folder(job.trial_id)
        spec = TrialSpec.model_validate_json((folder / "spec.json").read_bytes())
        try:
            spec = _with_data(spec, data, get, job.ships_data)
        except NeedsData:
            yield ("needs data",)
            return
        except CifarkitError as error:
            yield "refused", str(error), True
            return
        write_model(folder / "spec.json", spec)
        yield from _attempt(job, store, folder)


def _attempt(job: Job, store: Store, folder: Path) -> Iterator[Message]:
    devices = inventory() if os.environ.get("CUDA_VISIBLE_DEVICES") else ()
    launcher = ProcessLauncher(environment_for(devices[0], required=True) if devices else {})
    events: queue.Queue[WorkEvent | AttemptResult] = queue.Queue()

    def attempt() -> None:
        events.put(
            launcher.run(
                job.work, folder, options=job.options, limits=job.limits, on_event=events.put
            )
        )

    thread = threading.Thread(target=attempt, name="trial", daemon=True)
    thread.start()
    sent, due = {Path(name).name for name in job.files}, time.monotonic() + job.checkpoint_seconds
    try:
        while True:
            with contextlib.suppress(queue.Empty):
                event = events.get(timeout=1.0)
                if isinstance(event, AttemptResult):
                    break
                yield "event", to_json(event)
                if isinstance(event, EpochEnded):
                    yield from _file(folder / "history.csv")
            if time.monotonic() >= due:
                newest = max(folder.glob(CHECKPOINTS), default=None)
                if newest is not None and newest.name not in sent:
                    sent.add(newest.name)
                    yield from _file(newest)
                due = time.monotonic() + job.checkpoint_seconds
    finally:
        launcher.stop()
        thread.join()
    yield from _file(folder / "log.txt")
    if event.status is Status.COMPLETE:
        state = State(status=Status.COMPLETE, attempts=1, checksums=checksums(folder))
        store.write_state(job.trial_id, state)
        archive = store.root / "trial.tar.gz"
        _, left_out = export(store, archive, [job.trial_id])
        if left_out:
            event = AttemptResult(Status.FAILED, f"its files are not in order: {left_out}")
        else:
            yield from _file(archive)
    yield "ended", event


def _file(path: Path) -> Iterator[Message]:
    """A file in blocks; nothing if it has gone, as an old checkpoint does."""
    try:
        stream = path.open("rb")
    except OSError:
        return
    with stream:
        block = stream.read(BLOCK_BYTES)
        while True:
            following = stream.read(BLOCK_BYTES)
            yield "file", path.name, block, not following
            if not following:
                return
            block = following


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A new temporary folder; those of killed tasks are removed."""
    parent = (
        Path(tempfile.gettempdir()) / f"{FOLDERS}-{os.getuid() if hasattr(os, 'getuid') else 0}"
    )
    parent.mkdir(mode=0o700, exist_ok=True)
    for old in parent.glob("*.lock"):
        with contextlib.suppress(Timeout, OSError), FileLock(old, timeout=0):
            shutil.rmtree(old.with_suffix(""), ignore_errors=True)
            old.unlink()
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        with FileLock(f"{folder}.lock"):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(f"{folder}.lock").unlink(missing_ok=True)


def _with_data(
    spec: TrialSpec, data: Sequence[Any], get: Callable[[Any], bytes], ships: bool
) -> TrialSpec:
    """The spec with the place of its data on this node, which has the planned content.

    Raises:
        NeedsData: It is to be sent.
        CifarkitError: It is not here, or is other data.
    """
    planned = spec.data
    if planned.location is None:
        registry.fetch(planned.dataset)
        return spec
    location = planned.location
    if not os.path.exists(location):
        location = str(_shipped_place(planned.fingerprint, planned.location))
        if not os.path.exists(location):
            if not data:
                if ships:
                    raise NeedsData
                raise CifarkitError(
                    f"it has no data at {planned.location}; copy it there, or leave out "
                    "ship_data=no"
                )
            _unpack(data, get, Path(location).parent)
    found = registry.facts(planned.dataset, location).fingerprint
    if found != planned.fingerprint:
        raise CifarkitError(
            f"the data at {location} is not the planned one: {found} there, {planned.fingerprint} "
            "planned"
        )
    return spec.model_copy(update={"data": planned.model_copy(update={"location": location})})


def _shipped_place(fingerprint: str | None, location: str) -> Path:
    key = digest([f"{fingerprint} {os.path.basename(location)}".encode()])[:32]
    return cache_folder.directory() / SHIPPED / key / os.path.basename(location)


def _unpack(data: Sequence[Any], get: Callable[[Any], bytes], folder: Path) -> None:
    """Put the shipped data into its folder, once per node."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{folder.name}.part")
    with FileLock(f"{folder}.lock"):
        if folder.exists():
            return
        with partial_folder(partial), tempfile.TemporaryFile(dir=partial) as packed:
            for block in data:
                packed.write(get(block))
            packed.seek(0)
            with tarfile.open(fileobj=packed) as tar:
                tar.extractall(partial, filter="data")
            os.replace(partial, folder)

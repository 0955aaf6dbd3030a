"""Runs trials as tasks of a Ray cluster (Ray Core), one task for one trial.

The runner schedules and the store is the truth, as on one machine: Ray only finds the node. It
never retries; what a node took with it goes on elsewhere from the last checkpoint that came back.
"""

from __future__ import annotations

import os
import signal
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cifarkit.atomic_write import atomic_writer
from cifarkit.errors import InvalidInput
from cifarkit.execution import ray_task
from cifarkit.execution.events import Emit, Moved, Placed, WorkEnded, from_json
from cifarkit.execution.launchers import ENDING_SIGNALS, NO_LIMITS, NOTHING, AttemptResult
from cifarkit.execution.ray_task import BLOCK_BYTES, Job
from cifarkit.execution.resource_monitor import Limits
from cifarkit.plugins import in_one_line
from cifarkit.specs import TrialSpec
from cifarkit.store.archive_reading import receive
from cifarkit.store.records import Status
from cifarkit.store.store import CHECKPOINTS, KEPT_WEIGHTS

MOST_MOVES = 3
"""A trial whose node was lost more often than this has failed: it may be what kills the nodes."""
KEPT_CHECKPOINTS = 2
_ARCHIVE = "trial.tar.gz"


class RayLauncher:
    """Runs each trial in a fresh process on a node of a Ray cluster.

    Args:
        environment: Ignored: nodes have other processors and devices.
        address: Of the cluster, as for `ray.init`; by default `RAY_ADDRESS`, else one that was
            started on this machine.
        num_cpus, num_gpus: What a trial takes of a node. By default one CPU, and one GPU if the
            cluster has any.
        ship_data: `no` if data that a node does not have at its path is not sent there.
        ship_code: `yes` to send this installation's cifarkit to the nodes.
        checkpoint_minutes: The time between two checkpoints that come back.

    Raises:
        InvalidInput: Ray is not installed, or there is no cluster at the address.
    """

    places_itself = True

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        address: str = "",
        num_cpus: str = "1",
        num_gpus: str = "",
        ship_data: str = "yes",
        ship_code: str = "no",
        checkpoint_minutes: str = "3",
    ) -> None:
        del environment
        self._needs = {
            "num_cpus": _number("num_cpus", num_cpus),
            "num_gpus": _number("num_gpus", num_gpus or "1"),
        }
        self._ships_data = _yes("ship_data", ship_data)
        self._checkpoint_seconds = 60 * _number("checkpoint_minutes", checkpoint_minutes)
        self._ray = _connected(address, ship_code=_yes("ship_code", ship_code))
        if not num_gpus and not self._ray.cluster_resources().get("GPU"):
            self._needs["num_gpus"] = 0
        self._live: set[Any] = set()
        self._refused: dict[str, dict[str, str]] = {}
        self._shipped: dict[str, list[Any]] = {}
        self._stopped = False
        self._lock = threading.Lock()

    def slots(self) -> int:
        """How many trials the cluster's present nodes take at once."""
        return sum(
            min(int(have.get(kind, 0) // needed) for kind, needed in self._resources())
            for have in self._nodes().values()
        )

    def run(
        self,
        work: str,
        folder: Path,
        *,
        options: Mapping[str, Any] = NOTHING,
        limits: Limits = NO_LIMITS,
        on_event: Emit,
    ) -> AttemptResult:
        data, moves = list[Any](), 0
        while True:
            spec = TrialSpec.model_validate_json((folder / "spec.json").read_bytes())
            about = f"{spec.data.location} {spec.data.fingerprint}"
            refused = {**self._refused.get("", {}), **self._refused.get(about, {})}
            if refused and not set(self._nodes()) - set(refused):
                return AttemptResult(
                    Status.FAILED, f"no node can run it: {'; '.join(refused.values())}"
                )
            job = Job(
                folder.name,
                work,
                dict(options),
                limits,
                _files(folder, spec),
                ray_task.versions(),
                self._checkpoint_seconds,
                self._ships_data,
            )
            attempt = _Attempt(folder, on_event)
            try:
                self._task(attempt, job, data, refused)
            except self._ray.exceptions.RayError as error:
                ended = self._judged(error)
                if ended is not None:
                    return ended
                moves += 1
                reason = f"{attempt.place or 'a node'} was lost ({type(error).__name__})"
                if moves > MOST_MOVES:
                    return AttemptResult(Status.FAILED, f"{reason}; {moves} nodes in a row")
                on_event(Moved(reason))
                continue
            if attempt.ended is not None:
                return attempt.ended
            if attempt.refusal:
                why, because_of_data = attempt.refusal
                where = about if because_of_data else ""
                with self._lock:
                    self._refused.setdefault(where, {})[attempt.node] = f"{attempt.place}: {why}"
                on_event(Moved(f"{attempt.place} refused it: {why}"))
            else:
                data = self._packed(about, Path(str(spec.data.location)))

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            live = list(self._live)
        for task in live:
            self._ray.cancel(task, force=True)

    def _task(
        self, attempt: _Attempt, job: Job, data: list[Any], refused: Mapping[str, str]
    ) -> None:
        """Run a task to its end, handing what it yields to the attempt."""
        with self._lock:
            if self._stopped:
                attempt.ended = AttemptResult(Status.PENDING, "not started")
                return
            elsewhere = {"ray.io/node-id": f"!in({','.join(refused)})"} if refused else None
            remote = self._ray.remote(_run).options(
                **self._needs,
                max_retries=0,
                num_returns="streaming",
                label_selector=elsewhere,
                name=f"cifarkit {job.trial_id}",
            )
            task = remote.remote(job, data)
            self._live.add(task)
        try:
            for message in task:
                attempt.take(self._ray.get(message))
        finally:
            with self._lock:
                self._live.discard(task)

    def _judged(self, error: Exception) -> AttemptResult | None:
        """How an error of Ray ends an attempt; None if the trial goes on elsewhere."""
        errors = self._ray.exceptions
        if self._stopped:
            return AttemptResult(Status.PENDING, "interrupted")
        if isinstance(error, errors.OutOfMemoryError):
            return AttemptResult(
                Status.OOM, f"Ray ended it for lack of memory: {in_one_line(error)}"
            )
        if isinstance(error, errors.RayTaskError):
            cause = error.cause if isinstance(error.cause, Exception) else error
            hint = (
                "; install cifarkit there, or give ship_code=yes"
                if isinstance(cause, ImportError)
                else ""
            )
            return AttemptResult(Status.FAILED, f"on the node: {in_one_line(cause)}{hint}")
        return None

    def _nodes(self) -> dict[str, Mapping[str, float]]:
        """The resources of the nodes that could run a trial, by id."""
        return {
            node["NodeID"]: node["Resources"]
            for node in self._ray.nodes()
            if node["Alive"]
            and all(node["Resources"].get(kind, 0) >= needed for kind, needed in self._resources())
        }

    def _resources(self) -> list[tuple[str, float]]:
        found = (("CPU", self._needs["num_cpus"]), ("GPU", self._needs["num_gpus"]))
        return [(kind, needed) for kind, needed in found if needed]

    def _packed(self, about: str, location: Path) -> list[Any]:
        """References to the blocks of the data, which is packed once."""
        with self._lock:
            if about not in self._shipped:
                with tempfile.TemporaryFile() as packed:
                    with tarfile.open(fileobj=packed, mode="w") as tar:
                        tar.add(location, location.name)
                    packed.seek(0)
                    self._shipped[about] = [self._ray.put(block) for block in _blocks(packed)]
            return self._shipped[about]


def _run(job: Job, data: list[Any]) -> Iterator[Any]:
    """The body of a task."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    yield from ray_task.run_on_node(job, node, data, ray.get)


class _Attempt:
    """What comes back of a task.

    Attributes:
        place, node: Where it runs; empty if it has not begun.
        refusal: Why the node did not run it, and whether because of the data.
        ended: How it ended; None if it did not, or was refused.
    """

    def __init__(self, folder: Path, on_event: Emit) -> None:
        self._folder, self._on_event = folder, on_event
        self._parts: dict[str, list[bytes]] = {}
        self.place = self.node = ""
        self.refusal: tuple[str, bool] | None = None
        self.ended: AttemptResult | None = None

    def take(self, message: tuple[Any, ...]) -> None:
        match message:
            case "here", place, host, node:
                self.place, self.node = place, node
                self._on_event(Placed(place, host))
            case "event", line:
                event = from_json(line)
                if event is not None and not isinstance(event, WorkEnded):
                    self._on_event(event)
            case "file", name, block, ends:
                self._parts.setdefault(name, []).append(block)
                if ends:
                    self._write(name, self._parts.pop(name))
            case "refused", reason, because_of_data:
                self.refusal = reason, because_of_data
            case "ended", ended:
                self.ended = ended
                if ended.status is Status.COMPLETE:
                    self._receive()

    def _write(self, name: str, blocks: list[bytes]) -> None:
        with atomic_writer(self._folder / (f".{name}" if name == _ARCHIVE else name)) as stream:
            stream.writelines(blocks)
        for old in sorted(self._folder.glob(CHECKPOINTS))[:-KEPT_CHECKPOINTS]:
            old.unlink()

    def _receive(self) -> None:
        archive = self._folder / f".{_ARCHIVE}"
        try:
            receive(self._folder, archive)
        except InvalidInput as error:
            self.ended = AttemptResult(Status.FAILED, f"what came back is refused: {error}")
        finally:
            archive.unlink(missing_ok=True)


def _files(folder: Path, spec: TrialSpec) -> dict[str, bytes]:
    """What a trial needs on another machine, besides its data."""
    names = [f"{folder.name}/spec.json"]
    names += [f"{folder.name}/{path.name}" for path in sorted(folder.glob(CHECKPOINTS))[-1:]]
    if spec.model.weights.startswith("trial:"):
        donor = spec.model.weights.removeprefix("trial:")
        names += [f"{donor}/{name}" for name in ("spec.json", "state.json", KEPT_WEIGHTS)]
    return {name: (folder.parent / name).read_bytes() for name in names}


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK_BYTES):
        yield block


def _connected(address: str, *, ship_code: bool) -> Any:
    """Ray, connected to a cluster."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise InvalidInput("it needs Ray: pip install 'cifarkit[ray]'") from None
    if ray.is_initialized():
        return ray
    where = address or os.environ.get("RAY_ADDRESS") or "auto"
    package = Path(__file__).resolve().parents[1]
    try:
        with _own_signals():
            ray.init(
                where,
                logging_level="ERROR",
                log_to_driver=False,
                runtime_env={"py_modules": [str(package)]} if ship_code else None,
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        found = "no Ray cluster runs here" if where == "auto" else f"no Ray cluster at {where}"
        raise InvalidInput(
            f"{found} ({type(error).__name__}); start one with `ray start --head`, or name one: "
            "--launcher-option address=HOST:6379"
        ) from None
    return ray


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this command's handlers of signals: Ray puts its own in their place."""
    handlers = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _yes(name: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise InvalidInput(f"{name}={value}: give yes or no")
    return value == "yes"


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise InvalidInput(f"{name}={value}: give a number of 0 or more")
    return number

"""Launchers run a trial's work: in a fresh process, or in the current one for debugging."""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Protocol, cast

from cifarkit.errors import InvalidInput
from cifarkit.execution.events import Emit, WorkEnded, from_json
from cifarkit.execution.resource_monitor import Limits, ResourceMonitor, kill_tree
from cifarkit.execution.worker import explain, resolve
from cifarkit.plugins import Registry
from cifarkit.safe_path import child_environment
from cifarkit.store.records import Status

_LOG = logging.getLogger(__name__)
LOG_TAIL_LINES = 20
ENDING_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
]
"""Signals by which a user, a terminal or the system asks a process to end."""
NO_LIMITS = Limits()
_COMPLETE = WorkEnded("complete")
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class AttemptResult:
    """The outcome of an attempt.

    Attributes:
        status: `complete`, `failed`, `oom`, `timeout`, or `pending` if it was interrupted.
        reason: One line; empty if complete.
        peak_rss_mb: The highest resident memory observed, in MB; None if it was not monitored.
    """

    status: Status
    reason: str = ""
    peak_rss_mb: float | None = None


class Launcher(Protocol):
    """Runs the work of a trial until it ends."""

    def run(
        self,
        work: str,
        folder: Path,
        *,
        options: Mapping[str, Any] = NOTHING,
        limits: Limits = NO_LIMITS,
        on_event: Emit,
    ) -> AttemptResult:
        """Run `work` (`module:function`) on a trial's folder; events arrive while it runs.

        `options` are the function's keyword arguments; their values must be JSON-serializable.
        """
        ...

    def stop(self) -> None:
        """Kill all running work. May be called from another thread."""
        ...


class InProcessLauncher:
    """Runs the work in this process, for debuggers and tests. Limits do not apply.

    Attributes:
        places_itself: A launcher with this attribute is not given this machine's devices.

    Args:
        environment: Ignored: this process's environment is not changed.
    """

    places_itself = True

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        del environment

    def run(
        self,
        work: str,
        folder: Path,
        *,
        options: Mapping[str, Any] = NOTHING,
        limits: Limits = NO_LIMITS,
        on_event: Emit,
    ) -> AttemptResult:
        try:
            resolve(work)(folder, on_event, **options)
        except Exception as error:
            ended = explain(error)
            return AttemptResult(Status(ended.status), ended.reason)
        return AttemptResult(Status.COMPLETE)

    def stop(self) -> None:
        """Does nothing: work only runs in the calling thread."""


class ProcessLauncher:
    """Runs each trial in a fresh process, so that its memory is measured and freed separately.

    Args:
        environment: Variables to set for the process, on top of this one's.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
        if platform.machine() in ("x86_64", "AMD64"):
            # TensorFlow disables oneDNN's kernels, which train up to twice as fast, on processors
            # without AVX-512.
            self._environment["TF_ENABLE_ONEDNN_OPTS"] = os.environ.get(
                "TF_ENABLE_ONEDNN_OPTS", "1"
            )
        self._environment |= environment or {}
        self._live: set[subprocess.Popen[bytes]] = set()
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def run(
        self,
        work: str,
        folder: Path,
        *,
        options: Mapping[str, Any] = NOTHING,
        limits: Limits = NO_LIMITS,
        on_event: Emit,
    ) -> AttemptResult:
        # Each attempt starts a new log; the worker appends.
        (folder / "log.txt").write_bytes(b"")
        kills_before = _kernel_oom_kills()
        with self._lock:
            if self._stopped.is_set():
                return AttemptResult(Status.PENDING, "not started")
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "cifarkit.execution.worker",
                    work,
                    str(folder),
                    json.dumps(dict(options)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=child_environment(self._environment),
                # Ctrl-C is for the parent, which ends its children itself.
                start_new_session=True,
            )
            self._live.add(process)
        watch = ResourceMonitor(process.pid, limits)
        watch.start()
        _LOG.debug("process %d runs %s of %s", process.pid, work, folder)
        try:
            last = _read_events(process.stdout, watch, on_event)
            code = process.wait()
            _LOG.debug("process %d ended with code %d", process.pid, code)
        finally:
            kill_tree(process.pid)
            process.wait()
            watch.end()
            with self._lock:
                self._live.discard(process)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if watch.exceeded:
            return AttemptResult(watch.exceeded.status, watch.exceeded.reason, watch.peak_mb)
        # A signal to a whole process group reaches this process too, perhaps slightly later.
        ended = -code in ENDING_SIGNALS and self._stopped.wait(1.0)
        if (ended or self._stopped.is_set()) and last != _COMPLETE:
            return AttemptResult(Status.PENDING, "interrupted", watch.peak_mb)
        return _judged(code, last, watch.peak_mb, _kernel_oom_kills() > kills_before)

    def stop(self) -> None:
        with self._lock:
            self._stopped.set()
            live = list(self._live)
        for process in live:
            kill_tree(process.pid)


def _judged(
    code: int, last: WorkEnded | None, peak_mb: float | None, oom_kill: bool
) -> AttemptResult:
    if last is not None and (code == 0 or last != _COMPLETE):
        return AttemptResult(Status(last.status), last.reason, peak_mb)
    if code < 0:
        number = -code
        if number == signal.SIGKILL and oom_kill:
            return AttemptResult(Status.OOM, "killed by the system for lack of memory", peak_mb)
        with contextlib.suppress(ValueError):
            name = signal.Signals(number).name
            return AttemptResult(Status.FAILED, f"killed by signal {number} ({name})", peak_mb)
        return AttemptResult(Status.FAILED, f"killed by signal {number}", peak_mb)
    return AttemptResult(Status.FAILED, f"the process ended with code {code}", peak_mb)


def _read_events(
    stream: IO[bytes] | None, watch: ResourceMonitor, on_event: Emit
) -> WorkEnded | None:
    """Forward events until the process closes the pipe; return how its work ended."""
    ended = None
    for line in stream or ():
        event = from_json(line)
        if event is None:
            continue
        watch.note_event()
        if isinstance(event, WorkEnded):
            ended = event
        else:
            on_event(event)
    return ended


def _kernel_oom_kills() -> int:
    """The kernel's count of out-of-memory kills since boot."""
    if platform.system() != "Linux":
        return 0
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def log_tail(folder: Path) -> str:
    """The last lines of a trial's log."""
    with contextlib.suppress(OSError), (folder / "log.txt").open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - 64_000))
        lines = stream.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])
    return ""


def _factory(name: str, loaded: object) -> Callable[[Mapping[str, str]], Launcher]:
    if not callable(loaded):
        raise InvalidInput(f"it gave {loaded!r:.80}, not a Launcher's class")
    return cast(Callable[[Mapping[str, str]], Launcher], loaded)


LAUNCHERS: Registry[Callable[[Mapping[str, str]], Launcher]] = Registry(
    "launcher",
    "cifarkit.launchers",
    {
        "process": "cifarkit.execution.launchers:ProcessLauncher",
        "in-process": "cifarkit.execution.launchers:InProcessLauncher",
        "slurm": "cifarkit.execution.slurm_launcher:SlurmLauncher",
        "ray": "cifarkit.execution.ray_launcher:RayLauncher",
    },
    _factory,
)
"""A package adds a class under `cifarkit.launchers`; see `create`."""


def create(
    name: str, environment: Mapping[str, str], options: Mapping[str, str] = NOTHING
) -> Launcher:
    """A launcher by its name.

    Args:
        name: One of `LAUNCHERS`.
        environment: Variables to set in the environment of the work.
        options: The launcher's own; passed as keyword arguments.

    Raises:
        InvalidInput: There is none, it cannot be made, or it has no such option.
    """
    if options:
        known = option_names(name)
        for option in options:
            if option not in known:
                has = ", ".join(known) or "none"
                raise InvalidInput(
                    f"--launcher-option {option}: the launcher {name} has no such option; it has: "
                    f"{has}"
                )
    made: Launcher = LAUNCHERS.make(
        name,
        lambda made: all(callable(getattr(made, method, None)) for method in ("run", "stop")),
        environment,
        **options,
    )
    return made


def places_itself(name: str) -> bool:
    """Whether a launcher finds places for its trials by itself, instead of on these devices."""
    return bool(getattr(LAUNCHERS.get(name), "places_itself", False))


def option_names(name: str) -> list[str]:
    """The options of a launcher: the keyword arguments of its class besides the environment."""
    parameters = list(inspect.signature(LAUNCHERS.get(name)).parameters.values())[1:]
    return [one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD]

"""How a trial's work is run: in a fresh process, or in this one to debug it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Protocol

from cifarkit.execution.events import Emit, WorkEnded, from_json
from cifarkit.execution.resource_monitor import Limits, ResourceMonitor, kill_tree
from cifarkit.execution.worker import explain, resolve
from cifarkit.safe_path import child_environment
from cifarkit.store.records import Status

LOG_TAIL_LINES = 20
ENDING_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
]
"""By which a user, a terminal or a system asks a process to end."""
NO_LIMITS = Limits()
_COMPLETE = WorkEnded("complete")
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class AttemptResult:
    """How an attempt ended.

    Attributes:
        status: `complete`, `failed`, `oom`, `timeout`, or `pending` if it was interrupted.
        reason: One line; empty if complete.
        peak_rss_mb: The highest resident memory that was seen of the process, if it was watched.
    """

    status: Status
    reason: str = ""
    peak_rss_mb: float | None = None


class Launcher(Protocol):
    """Runs a trial's work to its end, whatever that is."""

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

        `options` are the function's keyword arguments, of values that JSON can hold.
        """
        ...

    def stop(self) -> None:
        """End all that is running, at once. May be called from another thread."""
        ...


class InProcessLauncher:
    """Runs the work in this process: for a debugger, and for tests. Limits do not apply."""

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
        """Nothing runs beside the caller."""


class ProcessLauncher:
    """Runs each trial in a fresh process, whose memory is its own and ends with it.

    Args:
        environment: Variables to set for the process, on top of this one's.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
        if platform.machine() in ("x86_64", "AMD64"):
            # TensorFlow leaves oneDNN's kernels, which train up to twice as fast, off on processors
            # that do not tell of AVX-512.
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
        # Each attempt begins a log of its own; the worker appends.
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
                # Ctrl-C is for the parent, which ends its children in its own way.
                start_new_session=True,
            )
            self._live.add(process)
        watch = ResourceMonitor(process.pid, limits)
        watch.start()
        try:
            last = _read_events(process.stdout, watch, on_event)
            code = process.wait()
        finally:
            kill_tree(process.pid)
            process.wait()
            watch.end()
            with self._lock:
                self._live.discard(process)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if watch.broken:
            return AttemptResult(watch.broken.status, watch.broken.reason, watch.peak_mb)
        # A signal to all processes of a job reaches this one too, perhaps a moment later.
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
    """Pass on every event until the process closes its end; return how its work ended."""
    ended = None
    for line in stream or ():
        event = from_json(line)
        if event is None:
            continue
        watch.hear()
        if isinstance(event, WorkEnded):
            ended = event
        else:
            on_event(event)
    return ended


def _kernel_oom_kills() -> int:
    """How many processes the kernel has killed for lack of memory since it started."""
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

"""Resource limits of a trial, and the monitor that kills its process tree at a limit."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass

import psutil

from cifarkit.store.records import Status

SAMPLE_SECONDS = 0.25
LONGEST_TICK_SECONDS = 2.0
"""A longer pause between two polls means that the monitor itself was suspended."""


@dataclass(frozen=True)
class Limits:
    """Limits of one attempt; None for no limit.

    Time does not count while the trial or the monitor is suspended.

    Attributes:
        timeout_seconds: Total time.
        silence_seconds: Time without an event. The first training step and the evaluation send
            none: compiling a large network takes minutes.
        memory_mb: Resident memory of the process tree; shared memory counts once per process.
    """

    timeout_seconds: float | None = None
    silence_seconds: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True)
class ExceededLimit:
    """The limit that ended an attempt: the resulting status, and a line that names the limit."""

    status: Status
    reason: str


class ResourceMonitor(threading.Thread):
    """Polls a process tree four times a second.

    Attributes:
        peak_mb: The highest resident memory observed, also known for a process that was killed.
        exceeded: The limit for which it was killed, if it was.
    """

    def __init__(self, pid: int, limits: Limits) -> None:
        super().__init__(name="resource monitor", daemon=True)
        self._pid, self._limits = pid, limits
        self._polled_at = time.monotonic()
        self._ran_seconds = self._silent_seconds = 0.0
        self._ended = threading.Event()
        self.peak_mb: float | None = None
        self.exceeded: ExceededLimit | None = None

    def note_event(self) -> None:
        """Note that the process has sent an event."""
        self._silent_seconds = 0.0

    def run(self) -> None:
        while not self._ended.is_set():
            memory_mb = tree_rss_mb(self._pid)
            if memory_mb is not None:
                self.peak_mb = max(self.peak_mb or 0.0, memory_mb)
            self._count_time()
            if self.exceeded is None and (exceeded := self._exceeded_limit()):
                self.exceeded = exceeded
                kill_tree(self._pid)
            self._ended.wait(SAMPLE_SECONDS)

    def _count_time(self) -> None:
        """Add the time since the last poll, unless the trial or this process was suspended."""
        now = time.monotonic()
        passed, self._polled_at = now - self._polled_at, now
        if not _is_stopped(self._pid):
            passed = min(passed, LONGEST_TICK_SECONDS)
            self._ran_seconds += passed
            self._silent_seconds += passed

    def _exceeded_limit(self) -> ExceededLimit | None:
        limits = self._limits
        if limits.memory_mb is not None and (self.peak_mb or 0.0) > limits.memory_mb:
            return ExceededLimit(
                Status.OOM,
                f"it took {self.peak_mb:.0f} MB of memory, more than --memory-limit "
                f"{limits.memory_mb:g}",
            )
        if limits.timeout_seconds is not None and self._ran_seconds > limits.timeout_seconds:
            return ExceededLimit(
                Status.TIMEOUT, f"no end after {limits.timeout_seconds:g} s (--timeout)"
            )
        if limits.silence_seconds is not None and self._silent_seconds > limits.silence_seconds:
            return ExceededLimit(
                Status.TIMEOUT,
                f"no event for {limits.silence_seconds:g} s (--silence-timeout)",
            )
        return None

    def end(self) -> None:
        self._ended.set()
        self.join()


def _is_stopped(pid: int) -> bool:
    """Whether a process is suspended (SIGSTOP)."""
    try:
        stopped: bool = psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False
    return stopped


def tree_rss_mb(pid: int) -> float | None:
    """Resident memory of a process tree in MB; None if the process is gone."""
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    total = 0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / 2**20


def kill_tree(pid: int) -> None:
    """Kill a session leader and its process tree."""
    if hasattr(os, "killpg"):
        # Also reaches the children of a leader that is already dead.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    try:
        root = psutil.Process(pid)
        tree = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        tree = []
    for process in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()

"""The runner: runs the trials that are not complete and records how each one ended."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Empty, PriorityQueue

from filelock import FileLock, Timeout

from cifarkit.execution.events import (
    FilesDamaged,
    Moved,
    Payload,
    Placed,
    TrialEnded,
    TrialEvent,
    TrialFound,
    TrialRetried,
    TrialStarted,
    TrialWaiting,
    WorkEvent,
)
from cifarkit.execution.launchers import NO_LIMITS, AttemptResult, Launcher, log_tail
from cifarkit.execution.resource_monitor import Limits
from cifarkit.locking import Lease
from cifarkit.specs import TrialSpec
from cifarkit.store.records import State, Status
from cifarkit.store.repair import repair_trial
from cifarkit.store.store import Store, checksums

SMALLEST_MICRO_BATCH = 8
RETRY_SECONDS = 0.5
"""Polling interval for a trial that another process runs."""


def run(
    specs: Iterable[TrialSpec],
    store: Store,
    launcher: Launcher,
    *,
    work: str,
    files: Sequence[str] = (),
    jobs: int = 1,
    limits: Limits = NO_LIMITS,
    oom_backoff: bool = False,
    on_event: Callable[[TrialEvent], None] = lambda event: None,
) -> dict[str, Status]:
    """Run every spec without a complete trial in the store; a failing trial does not stop others.

    A trial that another process is running is not run twice: the others are run first, then this
    process waits for it.

    Args:
        specs: The trials in order; duplicates run once.
        work: `module:function` that does the work of a trial's folder.
        files: Files that the work leaves besides the result; without them a trial is not complete.
        jobs: How many trials run in parallel.
        limits: Limits of each attempt.
        oom_backoff: Retry a trial that runs out of memory in micro-batches of half the size,
            down to `SMALLEST_MICRO_BATCH`. The work is then given `micro_batch`.
        on_event: Called from one thread at a time.

    Returns:
        The status of each trial by its id.

    Raises:
        KeyboardInterrupt: Like any exception in the calling thread, it is re-raised after running
            trials have been killed and marked as pending.
    """
    unique = {spec.trial_id: spec for spec in specs}
    runner = _TrialRunner(store, launcher, work, files, limits, oom_backoff, on_event, len(unique))
    statuses: dict[str, Status] = {}
    # When to try each trial; one that another process runs is retried later.
    queue: PriorityQueue[tuple[float, int, TrialSpec]] = PriorityQueue()
    for number, spec in enumerate(unique.values(), start=1):
        queue.put((0.0, number, spec))
    stopping = threading.Event()

    def run_queued() -> None:
        while not stopping.is_set():
            try:
                due, number, spec = queue.get_nowait()
            except Empty:
                return
            if stopping.wait(max(0.0, due - time.monotonic())):
                return
            status = runner.run(number, spec)
            if status is None:
                queue.put((time.monotonic() + RETRY_SECONDS, number, spec))
            else:
                statuses[spec.trial_id] = status

    def stop() -> None:
        stopping.set()
        launcher.stop()

    _in_threads(run_queued, jobs, stop)
    return {trial_id: statuses[trial_id] for trial_id in unique}


def _in_threads(work: Callable[[], None], jobs: int, stop: Callable[[], None]) -> None:
    """Run `work` in each of `jobs` threads; call `stop` before an exception is re-raised."""
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="trial") as pool:
        try:
            unfinished = {pool.submit(work) for _ in range(jobs)}
            while unfinished:
                # In slices, so that Ctrl-C works on every platform.
                finished, unfinished = wait(unfinished, 0.5, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()  # an unwritable store ends the run
        except BaseException:
            stop()
            raise


@dataclass
class _TrialRunner:
    """Runs one trial after another; shared by the threads of a run."""

    store: Store
    launcher: Launcher
    work: str
    files: Sequence[str]
    limits: Limits
    oom_backoff: bool
    on_event: Callable[[TrialEvent], None]
    count: int
    _emitting: threading.Lock = field(default_factory=threading.Lock)
    _waited_for: set[str] = field(default_factory=set)

    def run(self, number: int, spec: TrialSpec) -> Status | None:
        """The status of a trial; None if another process holds its lock."""
        emit = partial(self._emit, number, spec)
        self.store.add(spec)
        lock = self.store.lock(spec.trial_id, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            if spec.trial_id not in self._waited_for:
                self._waited_for.add(spec.trial_id)
                emit(TrialWaiting(self.store.holder(spec.trial_id)))
            return None
        try:
            if self._is_done(spec, emit):
                self.store.tidy(spec.trial_id)
                emit(TrialFound())
                return Status.COMPLETE
            return self._attempt(spec, lock, emit)
        finally:
            lock.release()

    def _emit(self, number: int, spec: TrialSpec, payload: Payload) -> None:
        with self._emitting:
            self.on_event(TrialEvent(spec, number, self.count, payload))

    def _is_done(self, spec: TrialSpec, emit: Callable[[Payload], None]) -> bool:
        """Whether a trial is complete once damaged files have been set aside."""
        if damaged := repair_trial(self.store.folder(spec.trial_id), spec):
            emit(FilesDamaged(tuple(damaged)))
        if self.store.is_complete(spec.trial_id, self.files):
            return True
        # A trial that lost a file is not taken over but run again.
        return not damaged and _taken_over(self.store, spec, self.files)

    def _attempt(
        self, spec: TrialSpec, lock: FileLock | Lease, emit: Callable[[Payload], None]
    ) -> Status:
        """Run a trial, again in smaller micro-batches if it runs out of memory."""
        folder, retried = self.store.folder(spec.trial_id), ""
        while True:
            state = _started(self.store.state(spec.trial_id), self.oom_backoff)
            self.store.write_state(spec.trial_id, state)
            if retried and state.micro_batch:
                emit(TrialRetried(state.micro_batch, retried))
            else:
                emit(TrialStarted())
            options = {"micro_batch": state.micro_batch} if state.micro_batch else {}

            def note(event: WorkEvent) -> None:
                nonlocal state
                if isinstance(event, Placed):
                    elsewhere = {"host": event.host, "pid": None} if event.host else {}
                    state = state.model_copy(update={"place": event.place, **elsewhere})
                elif isinstance(event, Moved):
                    state = state.model_copy(update={"moves": (*state.moves, event.reason)})
                if isinstance(event, Placed | Moved):
                    self.store.write_state(spec.trial_id, state)
                emit(event)

            ending = self.launcher.run(
                self.work, folder, options=options, limits=self.limits, on_event=note
            )
            if isinstance(lock, Lease) and lock.lost:
                reason = "another process took it over while this one was suspended"
                emit(TrialEnded(Status.PENDING, reason))
                return Status.PENDING
            smaller = _smaller(spec, state, ending) if self.oom_backoff else None
            ended = _ended(state, ending, folder)
            update = {"micro_batch": smaller or state.micro_batch}
            self.store.write_state(spec.trial_id, ended.model_copy(update=update))
            if ending.status is Status.COMPLETE:
                self.store.tidy(spec.trial_id)
            if smaller is None:
                if ending.status is not Status.PENDING:
                    emit(TrialEnded(ending.status, ending.reason))
                return ending.status
            retried = ending.reason


def _taken_over(store: Store, spec: TrialSpec, files: Sequence[str]) -> bool:
    """Mark a trial as complete if its runner or process was killed after writing the result."""
    complete = store.state(spec.trial_id).status is Status.COMPLETE
    if complete or not store.has_finished(spec.trial_id, files):
        return False
    folder = store.folder(spec.trial_id)
    written = (folder / "result.json").stat().st_mtime
    state = store.state(spec.trial_id)
    done = AttemptResult(Status.COMPLETE)
    store.write_state(
        spec.trial_id,
        _ended(state, done, folder).model_copy(
            update={"ended_at": datetime.fromtimestamp(written, UTC)}
        ),
    )
    return True


def _started(before: State, oom_backoff: bool) -> State:
    return State(
        status=Status.RUNNING,
        attempts=before.attempts + 1,
        micro_batch=before.micro_batch if oom_backoff else None,
        pid=os.getpid(),
        host=socket.gethostname(),
        moves=before.moves,
        started_at=datetime.now(UTC),
    )


def _smaller(spec: TrialSpec, state: State, ending: AttemptResult) -> int | None:
    """The next micro-batch size after running out of memory; None if there is none."""
    tried = state.micro_batch or spec.train.batch_size
    if ending.status is not Status.OOM or tried <= SMALLEST_MICRO_BATCH:
        return None
    return max(SMALLEST_MICRO_BATCH, tried // 2)


def _ended(state: State, ending: AttemptResult, folder: Path) -> State:
    if ending.status is Status.PENDING:
        return state.model_copy(update={"status": Status.PENDING, "reason": ending.reason})
    complete = ending.status is Status.COMPLETE
    return state.model_copy(
        update={
            "status": ending.status,
            "reason": ending.reason,
            "log_tail": "" if complete else log_tail(folder),
            "peak_rss_mb": None if complete else ending.peak_rss_mb,
            "checksums": checksums(folder) if complete else {},
            "ended_at": datetime.now(UTC),
        }
    )

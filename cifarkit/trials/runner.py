"""Run the trials that are not done yet, each to its end, and write down how it ended."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cifarkit.specs import TrialSpec
from cifarkit.trials.launcher import Ending, Launcher, log_tail
from cifarkit.trials.mending import mend
from cifarkit.trials.record import State, Status
from cifarkit.trials.store import Store, checksums


@dataclass(frozen=True)
class TrialEvent:
    """Something that happened to a trial.

    Attributes:
        kind: `found` (complete already), `damaged` (files were set aside), `started`, `ended`, or
            what the work emits: `phase`, `step`, `epoch`.
        number, of: The trial's place among those of this run, from 1, and how many there are.
        values: Of the event; `ended` carries `status` and `reason`, `damaged` a list of `files`.
    """

    kind: str
    spec: TrialSpec
    number: int
    of: int
    values: dict[str, Any] = field(default_factory=dict)


def run(
    specs: Iterable[TrialSpec],
    store: Store,
    launcher: Launcher,
    *,
    work: str,
    files: Sequence[str] = (),
    jobs: int = 1,
    timeout_seconds: float | None = None,
    on_event: Callable[[TrialEvent], None] = lambda event: None,
) -> dict[str, Status]:
    """Run every spec whose trial is not complete in the store; a trial that fails stops no other.

    A trial that another process is running is waited for, not run twice.

    Args:
        specs: In the order to run them; one that is listed twice runs once.
        work: `module:function` that does the work of a trial's folder.
        files: What the work leaves besides the result; a trial without them is not done.
        jobs: How many trials run side by side.
        timeout_seconds: Of each trial; None for no limit.
        on_event: Called from one thread at a time.

    Returns:
        The status of each trial by its id.

    Raises:
        KeyboardInterrupt: Passed on, after what was running has been ended and marked as pending.
    """
    unique = {spec.trial_id: spec for spec in specs}
    speaking = threading.Lock()

    def say(event: TrialEvent) -> None:
        with speaking:
            on_event(event)

    def run_one(number: int, spec: TrialSpec) -> Status:
        def event(kind: str, values: dict[str, Any] | None = None) -> None:
            say(TrialEvent(kind, spec, number, len(unique), values or {}))

        folder = store.add(spec)
        with store.lock(spec.trial_id):
            if damaged := mend(folder, spec):
                event("damaged", {"files": damaged})
            if store.is_complete(spec.trial_id, files):
                event("found")
                return Status.COMPLETE
            state = State(
                status=Status.RUNNING,
                attempts=store.state(spec.trial_id).attempts + 1,
                pid=os.getpid(),
                host=socket.gethostname(),
                started_at=datetime.now(UTC),
            )
            store.write_state(spec.trial_id, state)
            event("started")
            ending = launcher.run(
                work,
                folder,
                timeout_seconds=timeout_seconds,
                on_event=lambda raw: event(str(raw.get("kind")), raw),
            )
            store.write_state(spec.trial_id, _ended(state, ending, folder))
            event("ended", {"status": ending.status, "reason": ending.reason})
            return ending.status

    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="trial") as pool:
        futures: dict[str, Future[Status]] = {
            trial_id: pool.submit(run_one, number, spec)
            for number, (trial_id, spec) in enumerate(unique.items(), start=1)
        }
        try:
            unfinished = set(futures.values())
            while unfinished:
                # In slices, so that Ctrl-C is heard on every platform.
                finished, unfinished = wait(unfinished, 0.5, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()  # a store that cannot be written ends the run
        except BaseException:
            for future in futures.values():
                future.cancel()
            launcher.stop()
            raise
    return {trial_id: future.result() for trial_id, future in futures.items()}


def _ended(state: State, ending: Ending, folder: Path) -> State:
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

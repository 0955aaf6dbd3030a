"""Runs trials as jobs of a SLURM cluster, on a store that all its nodes mount (by submitit).

A job trains one trial in a fresh process. Before preemption or its time limit SLURM sends it a
signal (submitit: `SIGUSR2`, 90 s before), on which it ends and is put into the queue again; it goes
on from its last checkpoint. The command may end and come back: it finds the jobs that it has left.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from cifarkit.atomic_write import write_atomically
from cifarkit.errors import InvalidInput
from cifarkit.execution.events import Emit, Placed, WorkEnded, WorkEvent, from_json, to_json
from cifarkit.execution.launchers import NO_LIMITS, NOTHING, AttemptResult, ProcessLauncher
from cifarkit.execution.resource_monitor import Limits
from cifarkit.plugins import in_one_line
from cifarkit.store.records import Status

POLL_SECONDS = 2.0
QUEUE_SECONDS = 10.0
"""Between two looks at SLURM's queue, for all trials together."""
MOST_QUEUED = 64
"""Jobs in the queue at a time, with `--jobs auto`."""
_JOB, _EVENTS = ".slurm-job", ".events.jsonl"
WAIT_SECONDS = 120.0
_ENDING = [
    getattr(signal, name).value
    for name in ("SIGTERM", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
]
_TEXTS = ("partition", "account", "qos", "constraint")


class SlurmLauncher:
    """Runs each trial as a job of SLURM.

    Args:
        environment: Ignored: nodes have other processors and devices.
        partition, account, qos, constraint: As for `sbatch`.
        minutes: A job's time limit; a trial that takes longer goes on in another one.
        cpus, gpus, memory_gb: What a job takes of a node.
        requeue: How often a job that ran out of time goes on before its trial is a `timeout`.
        cluster: `slurm`; `local` and `debug` try it without SLURM.

    Raises:
        InvalidInput: submitit is not installed, or there is no SLURM here.
    """

    places_itself = True

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        partition: str = "",
        account: str = "",
        qos: str = "",
        constraint: str = "",
        minutes: str = "240",
        cpus: str = "1",
        gpus: str = "0",
        memory_gb: str = "",
        requeue: str = "100",
        cluster: str = "slurm",
    ) -> None:
        del environment
        try:
            import submitit
        except ImportError:
            raise InvalidInput("it needs submitit: pip install 'cifarkit[slurm]'") from None
        given = {"partition": partition, "account": account, "qos": qos, "constraint": constraint}
        logging.getLogger("submitit").setLevel(logging.ERROR)
        self._submitit, self._cluster = submitit, cluster
        self._requeue = _count("requeue", requeue)
        self._parameters: dict[str, Any] = {
            "timeout_min": _count("minutes", minutes, least=1),
            "cpus_per_task": _count("cpus", cpus, least=1),
            "gpus_per_node": _count("gpus", gpus),
            **{f"slurm_{name}": given[name] for name in _TEXTS if given[name]},
        }
        if memory_gb:
            self._parameters["mem_gb"] = _count("memory_gb", memory_gb, least=1)
        if cluster not in ("slurm", "local", "debug"):
            raise InvalidInput(f"cluster={cluster}: give slurm, local or debug")
        try:
            self._executor(Path("slurm"))
        except RuntimeError as error:
            raise InvalidInput(f"there is no SLURM here: {in_one_line(error)}") from None
        self._stopped = threading.Event()
        self._lock = threading.RLock()
        self._queue: tuple[float, set[str]] = (0.0, set())

    def slots(self) -> int:
        return MOST_QUEUED

    def run(
        self,
        work: str,
        folder: Path,
        *,
        options: Mapping[str, Any] = NOTHING,
        limits: Limits = NO_LIMITS,
        on_event: Emit,
    ) -> AttemptResult:
        with self._lock:
            if self._stopped.is_set():
                return AttemptResult(Status.PENDING, "not started")
            job = self._left(folder) or self._submit(work, folder, dict(options), limits)
        name = f"{self._cluster} job {job.job_id}"
        on_event(Placed(name))
        seen = 0
        while True:
            ended = self._cluster == "debug" or self._has_ended(job)
            seen = _tell(folder / _EVENTS, seen, on_event)
            if ended:
                break
            if self._stopped.wait(POLL_SECONDS):
                return AttemptResult(
                    Status.PENDING, f"{name} goes on; the same command waits for it again"
                )
        result = self._result(job, name)
        _tell(folder / _EVENTS, seen, on_event)
        for left in (_JOB, _EVENTS):
            (folder / left).unlink(missing_ok=True)
        return result

    def stop(self) -> None:
        """Stop waiting. Jobs go on: the same command finds them, `scancel` ends them."""
        self._stopped.set()

    def _result(self, job: Any, name: str) -> AttemptResult:
        until = time.monotonic() + QUEUE_SECONDS  # a network filesystem may show it later
        while not (arrived := job.paths.result_pickle.exists()) and self._cluster == "slurm":
            if time.monotonic() > until:
                break
            time.sleep(1.0)
        if self._cluster == "debug" or arrived:
            try:
                result: AttemptResult = job.result()
            except Exception as error:  # submitit's, with the traceback of the job
                return AttemptResult(Status.FAILED, f"{name}: {in_one_line(error)}")
            return result
        log = (job.stderr() or "").strip().splitlines()
        return AttemptResult(
            Status.FAILED,
            f"{name} ended without a result: it was cancelled, or its node failed"
            + (f" ({log[-1][:200]})" if log else ""),
        )

    def _executor(self, folder: Path) -> Any:
        made = self._submitit.AutoExecutor(
            folder, cluster=self._cluster, slurm_max_num_timeout=self._requeue
        )
        made.update_parameters(**self._parameters)
        return made

    def _submit(self, work: str, folder: Path, options: dict[str, Any], limits: Limits) -> Any:
        executor = self._executor(_jobs(folder))
        executor.update_parameters(name=f"cifarkit-{folder.name}")
        (folder / _EVENTS).unlink(missing_ok=True)
        job = executor.submit(TrialJob(), work, str(folder.absolute()), options, limits)
        self._queue = (0.0, self._queue[1] | {str(job.job_id)})
        about = {"cluster": self._cluster, "job": job.job_id}
        write_atomically(folder / _JOB, json.dumps(about).encode())
        return job

    def _left(self, folder: Path) -> Any:
        """The trial's job of an earlier command, if it runs, waits, or has left its result."""
        try:
            about = json.loads((folder / _JOB).read_bytes())
            if about["cluster"] != self._cluster or self._cluster == "debug":
                return None
            kinds = {"slurm": self._submitit.SlurmJob, "local": self._submitit.LocalJob}
            job = kinds[self._cluster](_jobs(folder), str(about["job"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        lives = not self._has_ended(job) or job.paths.result_pickle.exists()
        return job if lives else None

    def _has_ended(self, job: Any) -> bool:
        if job.paths.result_pickle.exists():
            return True
        if self._cluster == "local":
            if job._process is None:  # of an earlier command
                return not psutil.pid_exists(int(job.job_id))
            return job._process.poll() is not None
        return str(job.job_id) not in self._queued()

    def _queued(self) -> set[str]:
        """The ids of this user's jobs that run or wait. Some clusters have no `sacct`."""
        with self._lock:
            looked_at, ids = self._queue
            if time.monotonic() - looked_at > QUEUE_SECONDS:
                command = ["squeue", "--me", "--noheader", "--format=%i"]
                listed = subprocess.run(command, capture_output=True, text=True, timeout=120)
                if listed.returncode == 0:  # else SLURM does not answer: as before
                    ids = set(listed.stdout.split())
                self._queue = (time.monotonic(), ids)
            return ids


class TrialJob:
    """What a job does; submitit calls `checkpoint` when its time is over, and queues it again."""

    def __call__(
        self, work: str, folder: str, options: Mapping[str, Any], limits: Limits
    ) -> AttemptResult:
        events = Path(folder) / _EVENTS
        lock = threading.Lock()

        def emit(event: WorkEvent) -> None:
            with lock, contextlib.suppress(OSError), events.open("a", encoding="utf-8") as stream:
                stream.write(to_json(event) + "\n")

        host = socket.gethostname()
        job = os.environ.get("SLURM_JOB_ID", "")
        emit(Placed(f"{host}, job {job}" if job else host, host))
        ended = ProcessLauncher().run(
            work, Path(folder), options=options, limits=limits, on_event=emit
        )
        if any(ended.reason.startswith(f"killed by signal {number} ") for number in _ENDING):
            # SLURM ends the job, and may queue it again: a result would count as its end.
            time.sleep(WAIT_SECONDS)
        return ended

    def checkpoint(self, *arguments: Any) -> Any:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)


def _tell(events: Path, seen: int, on_event: Emit) -> int:
    """Pass on the events after the first `seen` bytes; how many there are now."""
    try:
        with events.open("rb") as stream:
            stream.seek(seen)
            content = stream.read()
    except OSError:
        return seen
    whole = content[: content.rfind(b"\n") + 1]
    for line in whole.splitlines():
        event = from_json(line)
        if event is not None and not isinstance(event, WorkEnded):
            on_event(event)
    return seen + len(whole)


def _jobs(folder: Path) -> Path:
    """Where submitit keeps the jobs of a store."""
    return (folder.parent.parent / "slurm").absolute()


def _count(name: str, value: str, *, least: int = 0) -> int:
    if not value.isdecimal() or int(value) < least:
        raise InvalidInput(f"{name}={value}: give a whole number of {least} or more")
    return int(value)

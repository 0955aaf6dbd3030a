"""What is done is not done again, and one trial that fails stops no other."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cifarkit.execution.events import (
    PhaseChanged,
    TrialEnded,
    TrialEvent,
    TrialFound,
    TrialRetried,
    TrialStarted,
)
from cifarkit.execution.launchers import InProcessLauncher, ProcessLauncher
from cifarkit.execution.resource_monitor import Limits
from cifarkit.execution.runner import run
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from cifarkit.studies.completion import trial_spec
from tests.cli.command import hear_signals
from tests.execution.work import epoch_ended

QUICK, RAISES, HANGS = (f"tests.execution.work:{name}" for name in ("quick", "raises", "hangs"))


def specs(n: int) -> list[TrialSpec]:
    return [trial_spec(model="lenet", dataset="synthetic", seed=seed) for seed in range(n)]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    store, wanted = Store(tmp_path), specs(2)
    for _ in range(2):
        statuses = run([*wanted, wanted[0]], store, InProcessLauncher(), work=QUICK)
        assert statuses == {spec.trial_id: Status.COMPLETE for spec in wanted}
    for spec in wanted:
        assert (store.folder(spec.trial_id) / "ran").read_text() == "x"
        assert store.state(spec.trial_id).attempts == 1


def test_a_failure_is_kept_with_its_reason_and_tried_again(tmp_path: Path) -> None:
    store, wanted = Store(tmp_path), specs(1)
    trial = wanted[0].trial_id
    for attempt in (1, 2):
        launcher = ProcessLauncher({"PYTHONPATH": os.getcwd()})
        assert run(wanted, store, launcher, work=RAISES) == {trial: Status.FAILED}
        state = store.state(trial)
        assert (state.status, state.attempts) == (Status.FAILED, attempt)
        assert state.reason == "ValueError: the seventh seal"
        assert "Traceback (most recent call last)" in state.log_tail
        assert state.ended_at is not None
    assert run(wanted, store, InProcessLauncher(), work=QUICK) == {trial: Status.COMPLETE}
    assert store.state(trial).log_tail == ""


def test_events_arrive_in_order(tmp_path: Path) -> None:
    events: list[TrialEvent] = []
    wanted = specs(2)
    run(wanted[:1], Store(tmp_path), InProcessLauncher(), work=QUICK)
    run(wanted, Store(tmp_path), InProcessLauncher(), work=QUICK, on_event=events.append)
    assert [(event.payload, event.number, event.of) for event in events] == [
        (TrialFound(), 1, 2),
        (TrialStarted(), 2, 2),
        (epoch_ended(1, 1), 2, 2),
        (TrialEnded(Status.COMPLETE), 2, 2),
    ]


def test_jobs_run_side_by_side(tmp_path: Path) -> None:
    launcher = ProcessLauncher({"PYTHONPATH": os.getcwd()})
    running: set[str] = set()
    most = 0

    def watch(event: TrialEvent) -> None:
        nonlocal most
        if isinstance(event.payload, PhaseChanged):
            running.add(event.spec.trial_id)
            most = max(most, len(running))

    statuses = run(
        specs(3),
        Store(tmp_path),
        launcher,
        work=HANGS,
        jobs=3,
        limits=Limits(timeout_seconds=3),
        on_event=watch,
    )
    assert set(statuses.values()) == {Status.TIMEOUT}
    assert most == 3


def background(tmp_path: Path, work: str, n: int) -> "subprocess.Popen[bytes]":
    """Another process that runs `n` trials on the same store."""
    program = (
        "import sys; from pathlib import Path; from tests.execution.test_runner import *\n"
        "try:\n"
        f"    launcher = ProcessLauncher({{'PYTHONPATH': {os.getcwd()!r}}})\n"
        f"    run(specs({n}), Store(Path({str(tmp_path)!r})), launcher, work={work!r})\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=os.getcwd(), preexec_fn=hear_signals
    )


def wait_for(path: Path) -> None:
    until = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.05)


def test_ctrl_c_leaves_what_ran_pending(tmp_path: Path) -> None:
    store, wanted = Store(tmp_path), specs(2)
    run(wanted[:1], store, InProcessLauncher(), work=QUICK)
    process = background(tmp_path, HANGS, 2)
    wait_for(store.folder(wanted[1].trial_id) / "pids")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert store.state(wanted[0].trial_id).status is Status.COMPLETE
    assert store.state(wanted[1].trial_id).status is Status.PENDING
    assert run(wanted, store, InProcessLauncher(), work=QUICK)[wanted[1].trial_id] is (
        Status.COMPLETE
    )


def test_a_trial_that_another_process_runs_is_waited_for(tmp_path: Path) -> None:
    store, wanted = Store(tmp_path), specs(1)
    folder = store.folder(wanted[0].trial_id)
    process = background(tmp_path, HANGS, 1)
    wait_for(folder / "pids")
    started: list[float] = []

    def watch(event: TrialEvent) -> None:
        if event.payload == TrialStarted():
            started.append(time.monotonic())

    runner = threading.Thread(
        target=run,
        args=(wanted, store, InProcessLauncher()),
        kwargs={"work": QUICK, "on_event": watch},
    )
    runner.start()
    time.sleep(1)
    assert not started
    killed_at = time.monotonic()
    process.kill()
    process.wait()
    runner.join(20)
    assert len(started) == 1
    assert started[0] > killed_at
    assert store.state(wanted[0].trial_id).status is Status.COMPLETE


def test_a_store_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file, not a folder")
    with pytest.raises(OSError, match="runs"):
        run(specs(2), Store(tmp_path / "runs"), InProcessLauncher(), work=QUICK)


@pytest.mark.parametrize(
    ("work", "backoff", "tried", "status"),
    [
        ("needs_micro_batches_of_16", True, "None 64 32 16 ", Status.COMPLETE),
        ("needs_micro_batches_of_16", False, "None ", Status.OOM),
        ("never_fits", True, "None 64 32 16 8 ", Status.OOM),
    ],
)
def test_a_trial_that_runs_out_of_memory_is_tried_in_micro_batches(
    work: str, backoff: bool, tried: str, status: Status, tmp_path: Path
) -> None:
    store, wanted, events = Store(tmp_path), specs(1), []
    trial = wanted[0].trial_id
    launcher = ProcessLauncher({"PYTHONPATH": os.getcwd()})

    def go() -> dict[str, Status]:
        return run(wanted, store, launcher, work=f"tests.execution.work:{work}",
                   oom_backoff=backoff, on_event=events.append)  # fmt: skip

    assert go() == {trial: status}
    assert (store.folder(trial) / "tried").read_text() == tried
    goes = len(tried.split())
    assert store.state(trial).attempts == goes
    kinds = [type(event.payload) for event in events]
    assert kinds == [TrialStarted, *[TrialRetried] * (goes - 1), TrialEnded]
    if status is not Status.COMPLETE:
        # It goes on where it was, rather than fail at each size once more.
        go()
        last = tried.split()[-1]
        assert (store.folder(trial) / "tried").read_text() == f"{tried}{last} "

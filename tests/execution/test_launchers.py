"""Every way in which a trial's process can end, with real processes."""

import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from cifarkit.execution import launchers as launcher_module
from cifarkit.execution.events import PhaseChanged, WorkEvent
from cifarkit.execution.launchers import AttemptResult, InProcessLauncher, ProcessLauncher, log_tail
from cifarkit.execution.resource_monitor import Limits
from cifarkit.store.records import Status
from tests.execution.work import epoch_ended

WORK = "tests.execution.work:"


def launch(name: str, folder: Path, **limits: Any) -> tuple[AttemptResult, list[WorkEvent]]:
    events: list[WorkEvent] = []
    launcher = ProcessLauncher({"PYTHONPATH": os.getcwd()})
    ending = launcher.run(
        WORK + name,
        folder,
        limits=Limits(**limits),
        on_event=events.append,
    )
    return ending, events


def gone(pid: int, within: float = 5.0) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_done(tmp_path: Path) -> None:
    ending, events = launch("quick", tmp_path)
    assert ending.status is Status.COMPLETE
    assert ending.reason == ""
    assert events == [epoch_ended(1, 1)]
    assert "said on standard output" in log_tail(tmp_path)


def test_the_log_says_when_each_phase_began(tmp_path: Path) -> None:
    launch("hangs", tmp_path, timeout_seconds=2)
    assert re.search(r"(?m)^\d{4}-\d\d-\d\d .* phase: hanging$", log_tail(tmp_path))


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("raises", Status.FAILED, "ValueError: the seventh seal"),
        ("no_memory", Status.OOM, "MemoryError: Unable to allocate"),
        ("dies", Status.FAILED, "killed by signal 6 (SIGABRT)"),
        ("exits", Status.FAILED, "the process ended with code 3"),
        ("is_not_there", Status.FAILED, "AttributeError"),
    ],
)
def test_failures_say_why(tmp_path: Path, name: str, status: Status, reason: str) -> None:
    ending, _ = launch(name, tmp_path)
    assert ending.status is status
    assert ending.reason.startswith(reason)


def test_the_log_holds_the_traceback(tmp_path: Path) -> None:
    launch("raises", tmp_path)
    assert "ValueError: the seventh seal\nis broken" in log_tail(tmp_path)


def test_kill_minus_nine_and_the_peak_of_who_was_killed(tmp_path: Path) -> None:
    ending, _ = launch("grows", tmp_path)
    assert ending == AttemptResult(
        Status.FAILED, "killed by signal 9 (SIGKILL)", ending.peak_rss_mb
    )
    assert ending.peak_rss_mb is not None
    assert 300 < ending.peak_rss_mb < 400


def test_a_kill_for_lack_of_memory_is_told_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel counts its own kills; here its count rises while the process is killed."""
    counts = iter([7, 8])
    monkeypatch.setattr(launcher_module, "_kernel_oom_kills", lambda: next(counts))
    ending, _ = launch("grows", tmp_path)
    assert ending.status is Status.OOM
    assert ending.reason == "killed by the system for lack of memory"
    assert ending.peak_rss_mb is not None
    assert ending.peak_rss_mb > 300


def test_a_timeout_ends_the_whole_tree(tmp_path: Path) -> None:
    ending, events = launch("hangs", tmp_path, timeout_seconds=2)
    assert ending.status is Status.TIMEOUT
    assert ending.reason == "no end after 2 s (--timeout)"
    assert events == [PhaseChanged("hanging")]
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_silence_ends_the_whole_tree(tmp_path: Path) -> None:
    """The process says something in time at first, then nothing more."""
    ending, events = launch("falls_silent", tmp_path, silence_seconds=2, timeout_seconds=60)
    assert ending.status is Status.TIMEOUT
    assert ending.reason == "no event for 2 s (--silence-timeout)"
    assert events == [epoch_ended(epoch, 9) for epoch in (1, 2, 3, 4)]
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_a_memory_limit_counts_children_and_ends_the_whole_tree(tmp_path: Path) -> None:
    ending, _ = launch("grows_in_a_child", tmp_path, memory_mb=250)
    assert ending.status is Status.OOM
    assert ending.peak_rss_mb is not None
    assert 250 < ending.peak_rss_mb < 500
    assert ending.reason == (
        f"it took {ending.peak_rss_mb:.0f} MB of memory, more than --memory-limit 250"
    )
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_stop_ends_what_runs_and_starts_no_more(tmp_path: Path) -> None:
    launcher = ProcessLauncher({"PYTHONPATH": os.getcwd()})
    endings: list[AttemptResult] = []
    hanging = threading.Event()

    def run() -> None:
        for _ in range(2):
            endings.append(
                launcher.run(
                    WORK + "hangs",
                    tmp_path,
                    on_event=lambda event: hanging.set(),
                )
            )

    thread = threading.Thread(target=run)
    thread.start()
    assert hanging.wait(20)
    launcher.stop()
    thread.join(20)
    assert [ending.status for ending in endings] == [Status.PENDING, Status.PENDING]
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_a_parent_that_is_killed_leaves_no_orphan(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "from pathlib import Path; from cifarkit.execution.launchers import ProcessLauncher;"
        f"ProcessLauncher({{'PYTHONPATH': {os.getcwd()!r}}})"
        f".run('{WORK}hangs', Path({str(tmp_path)!r}),"
        " on_event=print)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=os.getcwd())
    until = time.monotonic() + 20
    while not (tmp_path / "pids").exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.2)
    parent.kill()
    parent.wait()
    worker, child = map(int, (tmp_path / "pids").read_text().split())
    assert gone(worker)
    assert gone(child)


def test_in_process(tmp_path: Path) -> None:
    launcher, events = InProcessLauncher(), []
    ending = launcher.run(WORK + "quick", tmp_path, on_event=events.append)
    assert ending == AttemptResult(Status.COMPLETE)
    assert events == [epoch_ended(1, 1)]
    failed = launcher.run(WORK + "raises", tmp_path, on_event=events.append)
    assert failed == AttemptResult(Status.FAILED, "ValueError: the seventh seal")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_log_that_cannot_be_written_costs_nothing_but_the_log(tmp_path: Path) -> None:
    (tmp_path / "log.txt").symlink_to("/dev/full")
    ending, _ = launch("talks", tmp_path)
    assert ending.status is Status.COMPLETE

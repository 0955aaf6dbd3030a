"""Signals: how a command ends that is asked to, what it leaves, and that a pause is no timeout."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cifarkit.store.records import Status
from cifarkit.store.store import Store
from tests.cli.command import environment, hear_signals, in_a_process
from tests.execution.test_launchers import gone
from tests.reliability.small_study import FAULTS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")

ROOT = Path(__file__).parents[2]
KEPT = "Interrupted. Finished trials are kept; the same command resumes the others."
# The command line as it is, but for the work of its trials, which train nothing.
PROGRAM = (
    "import sys; from importlib import import_module; from cifarkit.cli import app\n"
    "work = import_module('cifarkit.api.run').WORK\n"
    "work.update(dict.fromkeys(work, 'tests.execution.work:' + sys.argv.pop(1)))\n"
    "app.main()\n"
)
HOST = os.uname().nodename


def command(work: str, runs: Path, *options: str, models: str = "lenet") -> list[str]:
    arguments = ("--dataset", "synthetic", "--weights", "none", "--models", models)
    return [sys.executable, "-c", PROGRAM, work, "zoo", *arguments, "--runs", str(runs), *options]


@contextmanager
def started(*words: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment() | {"PYTHONPATH": str(ROOT)} | variables,
        preexec_fn=hear_signals,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def hanging(runs: Path) -> list[int]:
    """Wait for a trial that hangs; it and its child."""
    until = time.monotonic() + 30
    while not (found := list(runs.glob("trials/*/pids"))):
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.2)
    return [int(pid) for pid in found[0].read_text().split()]


def check_pending(runs: Path) -> None:
    store = Store(runs)
    (trial,) = store.trial_ids()
    assert store.state(trial).status is Status.PENDING
    assert store.state(trial).reason == "interrupted"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"])
def test_a_signal_ends_a_command_as_ctrl_c_does(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    with started(*command("hangs", tmp_path)) as process:
        pids = hanging(tmp_path)
        process.send_signal(number)
        process.send_signal(number)  # a shell or a batch system may pass it on, too
        _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert said.splitlines()[-1] == KEPT
    assert len(said.splitlines()) == 2, said  # that, and that it had started
    check_pending(tmp_path)
    assert all(map(gone, pids))


def test_a_signal_to_every_process_of_a_job(tmp_path: Path) -> None:
    """As a batch system ends a job: the trial's process may be the first to get it."""
    with started(*command("hangs", tmp_path)) as process:
        worker, child = hanging(tmp_path)
        for pid in (child, worker, process.pid):
            os.kill(pid, signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert said.splitlines()[-1] == KEPT
    check_pending(tmp_path)


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    words = command("takes_two_seconds", tmp_path)
    with started("sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words) as process:
        hanging(tmp_path)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0


def test_commands_without_trials_end_so_too(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = (
        "import sys, time; from cifarkit.cli import app\n"
        f"app.app = lambda arguments: (open({str(fifo)!r}, 'w').close(), time.sleep(60))\n"
        "app.main()\n"
    )
    with started(sys.executable, "-c", program) as process:
        fifo.read_bytes()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert said == "cifarkit: ended by SIGTERM\n"


def test_the_cursor_comes_back(tmp_path: Path) -> None:
    import pexpect

    words = command("hangs", tmp_path)
    env = environment() | {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
    process = pexpect.spawn(words[0], words[1:], env=env, timeout=30, encoding="utf-8")
    hanging(tmp_path)
    process.kill(signal.SIGTERM)
    process.expect(pexpect.EOF)
    process.close()
    assert process.exitstatus == 128 + signal.SIGTERM
    assert process.before.rindex("\x1b[?25h") > process.before.rindex("\x1b[?25l")
    assert "Interrupted." in process.before


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="makes a namespace of processes, as a container is",
)
def test_as_the_first_process_of_a_container(tmp_path: Path) -> None:
    isolated = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    with started(*isolated, *command("hangs", tmp_path)) as process:
        hanging(tmp_path)
        (first,) = psutil.Process(process.pid).children()
        first.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert KEPT in said
    check_pending(tmp_path)


def test_others_are_run_while_one_is_waited_for_and_ctrl_c_ends_the_wait(tmp_path: Path) -> None:
    with started(*command("hangs", tmp_path)) as other:
        hanging(tmp_path)
        both = command("only_a_result", tmp_path, models="lenet,simple_cnn")
        with started(*both) as process:
            assert process.stderr is not None
            lines = [process.stderr.readline() for _ in range(3)]
            assert f"process {other.pid} on {HOST} is running it" in lines[0]
            assert "complete" in lines[2]
            asked_at = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
            assert time.monotonic() - asked_at < 5
        assert other.poll() is None
        with started(*both) as process:
            time.sleep(2)
            other.kill()
            other.wait()
            assert process.wait(30) == 0, process.communicate()
    assert {record.state.status for record in Store(tmp_path).records()} == {Status.COMPLETE}


@pytest.mark.skipif(sys.platform != "linux", reason="the faults are those of Linux' filesystems")
@pytest.mark.parametrize("fault", ["fails", "open"])
def test_where_flock_keeps_nobody_out(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and another command leaves the trial alone all the same."""
    monkeypatch.setenv("CIFARKIT_TEST_FLOCK", fault)
    python_path = os.pathsep.join([str(FAULTS), str(ROOT)])
    with started(*command("hangs", tmp_path), PYTHONPATH=python_path) as other:
        hanging(tmp_path)
        with started(*command("only_a_result", tmp_path), PYTHONPATH=python_path) as process:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("flock ")
            assert f"process {other.pid} on {HOST} is running it" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130


def test_a_killed_store_is_no_error(tmp_path: Path) -> None:
    with started(*command("hangs", tmp_path)) as process:
        hanging(tmp_path)
        process.kill()
        process.wait()
    done = in_a_process("store", "check", "--runs", tmp_path)
    (line,) = done.stdout.splitlines()
    assert line.endswith(": interrupted; the same command resumes it")


def test_a_pause_of_everything_is_no_timeout(tmp_path: Path) -> None:
    limits = ("--timeout", "6", "--silence-timeout", "6")
    with started(*command("takes_two_seconds", tmp_path, *limits)) as process:
        (worker,) = hanging(tmp_path)
        both = (process.pid, worker)
        for pid in both:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(7)
        for pid in both:
            os.kill(pid, signal.SIGCONT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said


def test_a_pause_of_the_trial_is_no_timeout(tmp_path: Path) -> None:
    with started(*command("takes_two_seconds", tmp_path, "--timeout", "5")) as process:
        (worker,) = hanging(tmp_path)
        os.kill(worker, signal.SIGSTOP)
        time.sleep(6)
        assert process.poll() is None
        os.kill(worker, signal.SIGCONT)
        assert process.wait(20) == 0

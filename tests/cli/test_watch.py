"""`cifarkit watch` shows what other processes do in a store, and changes nothing in it."""

from __future__ import annotations

import io
import os
import pty
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cifarkit.api import watched_store
from cifarkit.api.watch_view import sparkline, view
from cifarkit.api.watched_store import Snapshot, StoreWatcher
from cifarkit.store.records import Status
from cifarkit.store.store import write_history
from cifarkit.store.study_records import Arm
from cifarkit.testing.study import history
from tests.cli.command import CIFARKIT, cifarkit, environment, hear_signals, start
from tests.reporting.fabricate import Fabricator, result

HERE = socket.gethostname()


def shown(snapshot: Snapshot, width: int = 80) -> str:
    console = Console(width=width, record=True, file=io.StringIO(), highlight=False)
    console.print(view(snapshot))
    return console.export_text()


def files(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    }


def rows(count: int, seconds: float = 10.0) -> list[dict[str, Any]]:
    return [
        row | {"train_seconds": seconds - 1, "validation_seconds": 1.0}
        for row in history(0.7, count)
    ]


@pytest.fixture
def mid_run(tmp_path: Path) -> Fabricator:
    """Two settings of two seeds: one complete, one running, two to come; all 10 s an epoch."""
    fabricator = Fabricator(tmp_path / "runs")
    done = fabricator.trial({"model": "lenet", "epochs": 20}, result(epochs=5))
    store = fabricator.store
    write_history(store.folder(done), rows(5))
    runs = fabricator.trial(
        {"model": "vgg16", "epochs": 20}, state=Status.RUNNING, host=HERE, pid=os.getpid()
    )
    write_history(store.folder(runs), rows(8))
    arms = [
        Arm(label="LeNet", settings={"model": "lenet"}, trials=(done, "0123456789ab")),
        Arm(label="VGG16", settings={"model": "vgg16"}, trials=(runs, "ba9876543210")),
    ]
    fabricator.study("nets", "zoo", ["model"], arms, "Two networks")
    return fabricator


def test_the_time_left_is_that_of_all_epochs(mid_run: Fabricator) -> None:
    """Each trial takes 600 s, 50 of them in its 5 epochs: 550 s for its start and scores."""
    snapshot = StoreWatcher(mid_run.store).snapshot()
    (study,) = snapshot.studies
    runs = study.record.arms[1].trials[0]
    assert study.time_left.known == {
        "0123456789ab": 20 * 10 + 550, runs: 12 * 10 + 550, "ba9876543210": 20 * 10 + 550,
    }  # fmt: skip
    assert study.time_left.seconds(1) == 750 + 670 + 750
    assert study.time_left.seconds(2) == (750 + 670 + 750) / 2
    assert study.time_left.seconds(9) == 750
    text = shown(snapshot)
    assert "1 complete, 1 running, 2 to run; at most about 36:10 left" in " ".join(text.split())
    assert "8/20" in text
    assert HERE[:15] in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_setting_that_never_ran_makes_the_time_unknown(mid_run: Fabricator) -> None:
    study = mid_run.store.studies()[0]
    arm = Arm(label="New", settings={"model": "resnet50"}, trials=("cccccccccccc",))
    mid_run.store.write_study(study.model_copy(update={"arms": (*study.arms, arm)}))
    snapshot = StoreWatcher(mid_run.store).snapshot()
    assert snapshot.left.unknown == {"cccccccccccc"}
    text = " ".join(shown(snapshot).split())
    assert "time left not known" in text
    assert (
        "of 1 trial no epoch of the same setting has run yet; the others take at most 36:10" in text
    )


def test_what_died_here_or_fell_silent_elsewhere_is_said(mid_run: Fabricator) -> None:
    store = mid_run.store
    dead = mid_run.trial(
        {"model": "lenet", "seed": 7}, state=Status.RUNNING, host=HERE, pid=2**22 + 1
    )
    far = mid_run.trial({"model": "lenet", "seed": 8}, state=Status.RUNNING, host="far", pid=1)
    hour_ago = time.time() - 3600
    os.utime(store.folder(far) / "state.json", (hour_ago, hour_ago))
    snapshot = StoreWatcher(store).snapshot()
    assert [trial.trial_id for trial in snapshot.trials if trial.gone] == [dead]
    text = " ".join(shown(snapshot).split())
    assert "Recorded as running, but the process is gone: 1 trial (lenet)" in text
    assert "lenet: no sign of life on far for 1:00:0" in text


def test_only_what_changed_is_read_again(
    mid_run: Fabricator, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    for name in ("read_state", "read_spec", "read_history", "read_study"):
        original = getattr(watched_store, name)

        def noted(path: Any, name: str = name, original: Any = original) -> Any:
            read.append(name)
            return original(path)

        monkeypatch.setattr(watched_store, name, noted)
    watcher = StoreWatcher(mid_run.store)
    watcher.snapshot()
    first = sorted(read)
    read.clear()
    watcher.snapshot()
    assert not read
    runs = mid_run.store.studies()[0].arms[1].trials[0]
    write_history(mid_run.store.folder(runs), rows(9))
    assert [len(t.history) for t in watcher.snapshot().trials if t.trial_id == runs] == [9]
    assert read == ["read_history"]
    assert first == ["read_history"] * 2 + ["read_spec"] * 2 + ["read_state"] * 2 + ["read_study"]


def test_damaged_foreign_and_hostile_trials_are_named_and_the_rest_is_shown(
    mid_run: Fabricator,
) -> None:
    store = mid_run.store
    done, runs = (arm.trials[0] for arm in store.studies()[0].arms)
    (store.folder(done) / "state.json").write_text('{"schema_version": 99, "status": "dreaming"}')
    (store.folder(runs) / "history.csv").write_text("epoch,loss\n1,\x00\n")
    (store.root / "studies" / "broken.json").write_text("{")
    loop = store.folder("eeeeeeeeeeee")
    loop.mkdir()
    (loop / "state.json").symlink_to(loop / "state.json")
    mid_run.trial(
        {"model": "lenet", "seed": 9}, state=Status.FAILED, reason="\x1b[31m[bold]\u202ered\n"
    )
    before = files(store.root)
    done_process = cifarkit("watch", "--once", "--runs", store.root)
    assert files(store.root) == before
    text = done_process.stdout
    assert "0 complete, 1 running" in text
    assert "was written by a newer cifarkit" in text
    assert "broken.json" in text + done_process.stderr
    assert "failed: [bold]red" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.slow
def test_it_follows_a_real_run_and_leaves_no_trace(tmp_path: Path) -> None:
    """A process trains; looks from outside show it running on this machine, then complete."""
    runs = tmp_path / "runs"
    training = start(
        "sweep", "dropout", "0.1", "--model", "lenet", "--dataset", "synthetic", "--classes", "4",
        "--train-per-class", "40", "--epochs", "60", "--patience", "60", "--runs", runs,
    )  # fmt: skip
    try:
        until = time.monotonic() + 240
        while time.monotonic() < until and training.poll() is None:
            if list(runs.glob("trials/*/history.csv")):
                break
            time.sleep(0.2)
        during = cifarkit("watch", "--once", "--runs", runs).stdout
        _, errors = training.communicate(timeout=240)
    finally:
        training.kill()
    assert training.returncode == 0, errors
    assert "0 complete, 1 running, 0 to run; at most about" in during, during
    assert HERE[:15] in during
    assert "/60" in during
    assert "\x1b" not in during
    before = files(runs)
    after = cifarkit("watch", "--runs", runs).stdout  # through a pipe: once
    assert "1 complete, 0 running, 0 to run; nothing is left to run" in after
    assert files(runs) == before


def test_in_a_terminal_it_follows_until_ctrl_c_and_leaves_silently(mid_run: Fabricator) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*CIFARKIT, "watch", "--every", "0.2", "--runs", str(mid_run.store.root)],
        stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
        env=environment() | {"TERM": "xterm", "LINES": "40"}, preexec_fn=hear_signals,
    )  # fmt: skip
    os.close(theirs)
    runs = mid_run.store.studies()[0].arms[1].trials[0]
    seen = _until(ours, b"8/20")
    write_history(mid_run.store.folder(runs), rows(9))
    seen += _until(ours, b"9/20")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, b"")
    seen += os.read(ours, 100_000)
    os.close(ours)
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h") == 1  # the cursor is back


def _until(terminal: int, wanted: bytes) -> bytes:
    seen, until = b"", time.monotonic() + 60
    while wanted not in seen and time.monotonic() < until:
        seen += os.read(terminal, 100_000)
    assert wanted in seen
    return seen


def test_sparklines() -> None:
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([0.3]) == "▁"
    assert sparkline([]) == ""
    assert sparkline([float("nan"), 1.0, float("inf")]) == "·▁·"
    assert sparkline([float(n) for n in range(100)], 4) == "▁▃▆█"


def test_bad_options_and_an_empty_store(tmp_path: Path) -> None:
    assert "no results" in cifarkit("watch", "--once", "--runs", tmp_path, code=2).stderr
    assert "--every" in cifarkit("watch", "--every", "0", code=2).stderr
    (tmp_path / "trials").mkdir()
    assert "no trials yet" in cifarkit("watch", "--once", "--runs", tmp_path).stdout

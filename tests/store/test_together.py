"""Several commands on one store at once: no trial done twice, no torn file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarkit.store.archive import export
from cifarkit.store.archive_reading import import_archive
from cifarkit.store.maintenance import check
from cifarkit.store.records import State, Status
from cifarkit.store.store import Store
from tests.reliability.small_study import FAULTS
from tests.store.test_damage import SPECS, flip, make_store

PROGRAM = """
import sys
from pathlib import Path
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.store.records import Status
from cifarkit.execution.runner import run
from cifarkit.store.store import Store
from tests.store.test_damage import SPECS, WORK, study
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for turn in range(20):
    store.write_study(study().record(f"turn {turn}" * 1000))
    assert all(len(found.arms) == len(SPECS) for found in store.studies(on_unreadable=sys.exit))
statuses = run(SPECS, store, InProcessLauncher(), work=WORK, jobs=2)
assert set(statuses.values()) == {Status.COMPLETE}, statuses
"""

IMPORT = """
import os, sys, time
from pathlib import Path
from cifarkit.store.store import Store
from cifarkit.store.archive_reading import import_archive
root = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(15):
    (root / f"at-{turn}-{os.getpid()}").touch()
    while len(list(root.glob(f"at-{turn}-*"))) < 4:  # until all are there
        time.sleep(0.001)
    done = import_archive(Store(root / f"runs-{turn}"), root / "a.tar.gz")
    assert not done.refused, done.refused
    assert len(done.trials + done.studies + done.kept) == 4, done
"""


def together(root: Path, processes: int = 4, program: str = PROGRAM) -> None:
    """Run the same program in several processes that start at the same moment."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said


def test_a_new_study(tmp_path: Path) -> None:
    store = Store(tmp_path)
    together(tmp_path)
    assert sorted(store.trial_ids()) == sorted(spec.trial_id for spec in SPECS)
    for record in store.records():
        assert record.complete
        assert (record.folder / "ran").read_text() == "x"
        assert record.state.attempts == 1
    assert list(check(store)) == []
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.skipif(sys.platform != "linux", reason="the faults are those of Linux' filesystems")
@pytest.mark.parametrize("fault", ["fails", "open"])
def test_where_flock_keeps_nobody_out(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARKIT_TEST_FLOCK", fault)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAULTS), os.getcwd()]))
    together(tmp_path)
    for record in Store(tmp_path).records():
        assert (record.folder / "ran").read_text() == "x"
        assert record.state.attempts == 1
    assert not list(tmp_path.rglob("*.lease"))


def test_a_damaged_store_is_repaired_once(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    first, second, third = (spec.trial_id for spec in SPECS)
    flip(store.folder(first) / "result.json")
    (store.folder(second) / "spec.json").write_text("{")
    running = store.state(third).model_copy(update={"status": Status.RUNNING, "checksums": {}})
    store.write_state(third, running)
    together(tmp_path)
    assert [(store.folder(spec.trial_id) / "ran").read_text() for spec in SPECS] == [
        "xx",
        "x",
        "x",  # its result was there: only its runner had not lived to say so
    ]
    assert len(list(tmp_path.rglob("*.damaged-*"))) == 2
    assert list(check(store)) == []


def test_imports_of_one_archive_into_one_store(tmp_path: Path) -> None:
    """Fifteen times; once the store has the same trials, which failed."""
    sound = make_store(tmp_path / "sound")
    export(sound, tmp_path / "a.tar.gz")
    failed = Store(tmp_path / "runs-1")
    for spec in SPECS:
        failed.add(spec)
        failed.write_state(spec.trial_id, State(status=Status.FAILED))
    together(tmp_path, program=IMPORT)
    for turn in range(15):
        store = Store(tmp_path / f"runs-{turn}")
        assert all(store.is_complete(spec.trial_id) for spec in SPECS)
        assert store.studies() == sound.studies()
        assert list(check(store)) == []
        assert not list(store.root.rglob(".*"))


def test_an_import_waits_for_a_check_and_not_for_a_training(tmp_path: Path) -> None:
    export(make_store(tmp_path / "sound"), tmp_path / "a.tar.gz")
    checked, running = (Store(tmp_path / name) for name in ("checked", "running"))
    trial = SPECS[0].trial_id
    for store, status in ((checked, Status.FAILED), (running, Status.RUNNING)):
        store.add(SPECS[0])
        store.write_state(trial, State(status=status))
    hold = (
        "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire();"
        "print('held', flush=True); import time; time.sleep(1)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, checked.folder(trial) / "lock"], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert import_archive(checked, tmp_path / "a.tar.gz").refused == {}
    assert holder.wait(10) == 0
    with running.lock(trial):
        refused = import_archive(running, tmp_path / "a.tar.gz").refused
    assert refused == {trial: "it is running here"}

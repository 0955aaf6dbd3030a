"""Several commands on one store at once: no trial done twice, no torn file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarkit.trials.record import Status
from cifarkit.trials.store import Store
from cifarkit.trials.upkeep import check
from tests.reliability.small_study import FAULTS
from tests.trials.test_damage import SPECS, flip, make_store

PROGRAM = """
import sys
from pathlib import Path
from cifarkit.trials.launcher import InProcessLauncher
from cifarkit.trials.record import Status
from cifarkit.trials.runner import run
from cifarkit.trials.store import Store
from tests.trials.test_damage import SPECS, WORK, study
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for turn in range(20):
    store.write_study(study().record(f"turn {turn}" * 1000))
    assert all(len(found.arms) == len(SPECS) for found in store.studies(on_unreadable=sys.exit))
statuses = run(SPECS, store, InProcessLauncher(), work=WORK, jobs=2)
assert set(statuses.values()) == {Status.COMPLETE}, statuses
"""


def together(root: Path, processes: int = 4) -> None:
    """Run the same study from several processes that start at the same moment."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, root],
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


def test_a_damaged_store_is_mended_once(tmp_path: Path) -> None:
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

"""Trials as jobs: in this process, in processes of this machine, of a SLURM where there is one."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarkit.errors import InvalidInput
from cifarkit.execution.devices import place
from cifarkit.execution.events import EpochEnded, Placed, TrialEvent
from cifarkit.execution.runner import run
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from tests.execution.test_runner import specs
from tests.reliability.small_study import ROOT

pytest.importorskip("submitit", reason="needs submitit: pip install 'cifarkit[slurm]'")
from cifarkit.execution.slurm_launcher import SlurmLauncher

WORK = "tests.execution.remote_work:"
no_slurm = subprocess.run(["sh", "-c", "sinfo"], capture_output=True).returncode != 0


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIFARKIT_TEST_NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "notes").touch()
    return tmp_path / "notes"


def times(notes: Path, what: str) -> dict[str, int]:
    """How often each trial noted that."""
    lines = [line.split() for line in notes.read_text().splitlines()]
    found = [line[0] for line in lines if line[1] == what]
    return {trial: found.count(trial) for trial in found}


def test_a_job_in_this_process(tmp_path: Path, notes: Path) -> None:
    store, (spec,) = Store(tmp_path / "runs"), specs(1)
    events: list[TrialEvent] = []
    launcher = SlurmLauncher({}, cluster="debug")
    statuses = run([spec], store, launcher, work=WORK + "quick", on_event=events.append)
    assert statuses == {spec.trial_id: Status.COMPLETE}
    assert times(notes, "ended") == {spec.trial_id: 1}
    placed = [event.payload for event in events if isinstance(event.payload, Placed)]
    assert placed[-1].host == os.uname().nodename
    left = {path.name for path in store.folder(spec.trial_id).iterdir()}
    assert not [name for name in left if name.startswith(".")]


def test_what_it_cannot_use_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(**options: str) -> object:
        return place("slurm", lambda jobs: {}, devices="auto", jobs=2, jobs_per_device=1,
                     options=options)  # fmt: skip

    with pytest.raises(InvalidInput, match="minutes=soon: give a whole number of 1 or more"):
        made(minutes="soon")
    with pytest.raises(InvalidInput, match="no such option; it has: partition, account"):
        made(partitions="main")
    with pytest.raises(InvalidInput, match="cluster=moon: give slurm, local or debug"):
        made(cluster="moon")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InvalidInput, match="--launcher slurm: there is no SLURM here"):
        made()


def leaves_and_comes_back(store: Store, cluster: str, notes: Path, seconds: float = 90) -> None:
    """A command that ends after the second step of a trial; the same again finds its jobs."""
    launcher = SlurmLauncher({}, cluster=cluster, minutes="5")

    def leave(event: TrialEvent) -> None:
        if isinstance(event.payload, EpochEnded) and event.payload.epoch >= 2:
            launcher.stop()

    wanted = specs(2)
    statuses = run(wanted, store, launcher, work=WORK + "in_steps", jobs=2, on_event=leave)
    assert Status.PENDING in statuses.values()
    state = next(s for s in map(store.state, statuses) if s.status is Status.PENDING)
    assert "goes on; the same command waits for it again" in state.reason
    again = run(wanted, store, SlurmLauncher({}, cluster=cluster), work=WORK + "in_steps", jobs=2)
    assert set(again.values()) == {Status.COMPLETE}
    assert times(notes, "began") == dict.fromkeys(statuses, 1)
    assert times(notes, "ended") == dict.fromkeys(statuses, 1)


@pytest.mark.exhaustive
def test_jobs_of_this_machine_go_on_while_the_command_is_away(tmp_path: Path, notes: Path) -> None:
    leaves_and_comes_back(Store(tmp_path / "runs"), "local", notes)


@pytest.mark.exhaustive
def test_a_job_that_fails_ends_no_other(tmp_path: Path, notes: Path) -> None:
    store, (fails, works) = Store(tmp_path / "runs"), specs(2)
    launcher = SlurmLauncher({}, cluster="local")
    assert run([fails], store, launcher, work="tests.execution.work:raises") == {
        fails.trial_id: Status.FAILED
    }
    assert store.state(fails.trial_id).reason == "ValueError: the seventh seal"
    assert "Traceback" in store.state(fails.trial_id).log_tail
    assert run([works], store, launcher, work=WORK + "quick") == {works.trial_id: Status.COMPLETE}


def acts_once(act: Callable[[str], object], step: int) -> Callable[[TrialEvent], None]:
    done: list[str] = []

    def listen(event: TrialEvent) -> None:
        ended = isinstance(event.payload, EpochEnded) and event.payload.epoch >= step
        if ended and not done:
            done.append(event.spec.trial_id)
            act(event.spec.trial_id)

    return listen


@pytest.mark.exhaustive
@pytest.mark.skipif(no_slurm, reason="needs a SLURM: slurmctld, slurmd and munge on this machine")
def test_slurm_queues_a_job_again_and_it_goes_on_from_its_checkpoint(
    tmp_path: Path, notes: Path
) -> None:
    """SIGUSR2 is what comes before the time limit. SLURM waits two minutes before a restart."""
    store, (spec,) = Store(tmp_path / "runs"), specs(1)

    def signal(trial: str) -> None:
        job = store.state(trial).place.rpartition(" ")[2]
        subprocess.run(["scancel", "--signal=USR2", "--full", job], check=True)

    statuses = run([spec], store, SlurmLauncher({}, minutes="10"), work=WORK + "in_steps",
                   on_event=acts_once(signal, 2))  # fmt: skip
    assert statuses == {spec.trial_id: Status.COMPLETE}
    assert times(notes, "began") == {spec.trial_id: 2}
    assert times(notes, "step-1") == times(notes, "ended") == {spec.trial_id: 1}


@pytest.mark.exhaustive
@pytest.mark.skipif(no_slurm, reason="needs a SLURM: slurmctld, slurmd and munge on this machine")
def test_slurm_and_a_command_that_leaves(tmp_path: Path, notes: Path) -> None:
    leaves_and_comes_back(Store(tmp_path / "runs"), "slurm", notes)


@pytest.mark.exhaustive
@pytest.mark.skipif(no_slurm, reason="needs a SLURM: slurmctld, slurmd and munge on this machine")
def test_a_cancelled_job_has_failed_and_the_same_command_goes_on(
    tmp_path: Path, notes: Path
) -> None:
    store, (spec,) = Store(tmp_path / "runs"), specs(1)

    def cancel(trial: str) -> None:
        subprocess.run(["scancel", store.state(trial).place.rpartition(" ")[2]], check=True)

    began = time.monotonic()
    statuses = run([spec], store, SlurmLauncher({}), work=WORK + "in_steps",
                   on_event=acts_once(cancel, 2))  # fmt: skip
    assert statuses == {spec.trial_id: Status.FAILED}
    assert "ended without a result: it was cancelled" in store.state(spec.trial_id).reason
    assert time.monotonic() - began < 120
    again = run([spec], store, SlurmLauncher({}), work=WORK + "in_steps")
    assert again == {spec.trial_id: Status.COMPLETE}
    assert times(notes, "step-1") == times(notes, "ended") == {spec.trial_id: 1}

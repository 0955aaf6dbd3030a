"""Trials on a real Ray cluster of three nodes on this machine: what is killed, and what is left.

The nodes share this machine's disk, but nothing of cifarkit uses it but these tests' notes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from cifarkit.execution.events import EpochEnded, TrialEvent
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.execution.resource_monitor import Limits
from cifarkit.execution.runner import run
from cifarkit.store.records import Status
from cifarkit.store.store import KEPT_WEIGHTS, Store
from tests.cli.command import cifarkit, environment, in_a_process
from tests.execution.test_runner import specs
from tests.reliability.small_study import ROOT, SmallStudy, colours

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'cifarkit[ray]'")
pytestmark = pytest.mark.exhaustive

WORK = "tests.execution.remote_work:"
NODE = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": 80 * 2**20,
        "include_dashboard": False}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of all nodes. Everything is bound to 127.0.0.1."""
    folder = tmp_path_factory.mktemp("ray")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patched.setenv("PYTHONPATH", str(ROOT))
        patched.setenv("CIFARKIT_TEST_NOTES", str(folder / "notes"))
        patched.setenv("CIFARKIT_CACHE", str(folder / "cache"))
        patched.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", False)
        yield folder


def started(nodes: int) -> Any:
    from ray.cluster_utils import Cluster

    head = {**NODE, "num_cpus": 0, "num_gpus": 0, "node_ip_address": "127.0.0.1"}
    made = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(nodes):
        made.add_node(**NODE)
    return made


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    made = started(3)
    yield made
    ray.shutdown()
    made.shutdown()
    assert not processes("raylet")


@pytest.fixture(autouse=True)
def _three_nodes_and_no_orphan(request: pytest.FixtureRequest, variables: Path) -> Iterator[None]:
    (variables / "notes").write_text("")
    if "cluster" in request.fixturenames:
        made = request.getfixturevalue("cluster")
        while len(made.worker_nodes) < 3:
            made.add_node(**NODE)
        ray.shutdown()
    yield
    until = time.monotonic() + 20
    while processes("cifarkit.execution.worker"):
        assert time.monotonic() < until, processes("cifarkit.execution.worker")
        time.sleep(0.2)


def processes(word: str) -> list[psutil.Process]:
    """Those of this test with a word in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            ours = process.environ().get("CIFARKIT_TEST_NOTES") == os.environ["CIFARKIT_TEST_NOTES"]
            if ours and any(word in part for part in line) and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def launcher(cluster: Any, **options: str) -> Any:
    from cifarkit.execution.ray_launcher import RayLauncher

    return RayLauncher({}, address=cluster.address, **options)


def notes(variables: Path) -> list[list[str]]:
    return [line.split() for line in (variables / "notes").read_text().splitlines()]


def ended(variables: Path) -> list[str]:
    return sorted(line[0] for line in notes(variables) if line[1] == "ended")


def once(
    act: Callable[[], None], when: Callable[[TrialEvent], bool]
) -> Callable[[TrialEvent], None]:
    """A listener that acts at the first such event."""
    done = []

    def listen(event: TrialEvent) -> None:
        if not done and when(event):
            done.append(event)
            act()

    return listen


def after_step(number: int) -> Callable[[TrialEvent], bool]:
    return lambda event: isinstance(event.payload, EpochEnded) and event.payload.epoch == number


def test_24_trials_on_three_nodes_are_those_of_one_machine(
    cluster: Any, tmp_path: Path, variables: Path
) -> None:
    wanted, there, here = specs(24), Store(tmp_path / "there"), Store(tmp_path / "here")
    made = launcher(cluster)
    assert made.slots() == 3
    statuses = run(wanted, there, made, work=WORK + "quick", jobs=3)
    assert set(statuses.values()) == {Status.COMPLETE}
    assert ended(variables) == sorted(statuses)
    run(wanted, here, InProcessLauncher(), work=WORK + "quick")
    for spec in wanted:
        one, other = here.read(spec.trial_id), there.read(spec.trial_id)
        assert one.state.checksums == other.state.checksums
        assert one.spec == other.spec
        assert (other.state.attempts, other.state.moves) == (1, ())
    assert len({there.state(spec.trial_id).place for spec in wanted}) == 3


def test_a_killed_raylet_costs_the_steps_since_the_last_checkpoint(
    cluster: Any, tmp_path: Path, variables: Path
) -> None:
    store, (spec,) = Store(tmp_path), specs(1)

    def kill() -> None:
        place = store.state(spec.trial_id).place
        (node,) = [n for n in cluster.worker_nodes if n.node_id[:6] in place]
        cluster.remove_node(node, allow_graceful=False)

    statuses = run(
        [spec],
        store,
        launcher(cluster, checkpoint_minutes="0"),
        work=WORK + "in_steps",
        on_event=once(kill, after_step(4)),
    )
    assert statuses == {spec.trial_id: Status.COMPLETE}
    (move,) = store.state(spec.trial_id).moves
    assert "was lost" in move
    steps = [line[1] for line in notes(variables) if line[1].startswith("step")]
    assert steps.count("step-1") == steps.count("step-2") == 1
    assert ended(variables) == [spec.trial_id]
    assert not list(store.folder(spec.trial_id).glob("*.checkpoint"))


@pytest.mark.parametrize("victim", ["ray::", "cifarkit.execution.worker"])
def test_a_killed_worker(cluster: Any, tmp_path: Path, variables: Path, victim: str) -> None:
    """Ray's process goes on elsewhere; that of the trial has failed, as on one machine."""
    store, (spec,) = Store(tmp_path), specs(1)

    def kill() -> None:
        pid = int(notes(variables)[-1][2])
        child = psutil.Process(pid)
        (child if victim.startswith("cifarkit") else child.parent()).kill()

    statuses = run(
        [spec],
        store,
        launcher(cluster, checkpoint_minutes="0"),
        work=WORK + "in_steps",
        on_event=once(kill, after_step(3)),
    )
    if victim.startswith("cifarkit"):
        assert statuses == {spec.trial_id: Status.FAILED}
        assert store.state(spec.trial_id).reason == "killed by signal 9 (SIGKILL)"
        statuses = run([spec], store, launcher(cluster), work=WORK + "in_steps")
    assert statuses == {spec.trial_id: Status.COMPLETE}
    assert ended(variables) == [spec.trial_id]


PROGRAM = """
import sys
from pathlib import Path
from cifarkit.cli import signals
from cifarkit.execution.ray_launcher import RayLauncher
from cifarkit.execution.runner import run
from cifarkit.store.store import Store
from tests.execution.test_runner import specs
signals.listen()
launcher = RayLauncher({}, address=sys.argv[2], checkpoint_minutes="0")
WORK = "tests.execution.remote_work:in_steps"
run(specs(4), Store(Path(sys.argv[1])), launcher, work=WORK, jobs=3)
"""


def driver(runs: Path, address: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, runs, address], cwd=ROOT)


def wait_for(variables: Path, what: str, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not any(line[1] == what for line in notes(variables)):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_driver_ends_its_tasks_and_the_same_command_goes_on(
    cluster: Any, tmp_path: Path, variables: Path, number: signal.Signals
) -> None:
    command = driver(tmp_path, cluster.address)
    wait_for(variables, "step-3")
    command.send_signal(number)
    command.wait(60)
    until = time.monotonic() + 60
    while processes("cifarkit.execution.worker"):
        assert time.monotonic() < until
        time.sleep(0.2)
    before = ended(variables)
    assert driver(tmp_path, cluster.address).wait(180) == 0
    store = Store(tmp_path)
    assert all(store.is_complete(spec.trial_id) for spec in specs(4))
    assert sorted(set(ended(variables))) == sorted(spec.trial_id for spec in specs(4))
    assert len(ended(variables)) - len(before) >= 3
    began = [line for line in notes(variables) if line[1] == "step-1"]
    assert len(began) == 4, "a trial began anew in place of from its checkpoint"


def test_a_killed_head_ends_everything_and_a_new_cluster_goes_on(
    tmp_path: Path, variables: Path
) -> None:
    made = started(2)
    command = driver(tmp_path, made.address)
    wait_for(variables, "step-3")
    for process in processes("gcs_server"):
        process.kill()
    assert command.wait(240) != 0
    until = time.monotonic() + 60
    while processes("cifarkit.execution.worker"):
        assert time.monotonic() < until
        time.sleep(0.2)
    made.shutdown()
    made = started(2)
    try:
        assert driver(tmp_path, made.address).wait(180) == 0
    finally:
        made.shutdown()
    assert len([line for line in notes(variables) if line[1] == "step-1"]) == 4
    assert all(Store(tmp_path).is_complete(spec.trial_id) for spec in specs(4))


def test_limits_and_failures_are_those_of_one_machine(cluster: Any, tmp_path: Path) -> None:
    store, wanted = Store(tmp_path), specs(3)
    made = launcher(cluster)
    names = ("raises", "no_memory", "hangs")
    for spec, name in zip(wanted, names, strict=True):
        run([spec], store, made, work=f"tests.execution.work:{name}", limits=Limits(5.0))
    failed, oom, timeout = (store.state(spec.trial_id) for spec in wanted)
    assert (failed.status, failed.reason) == (Status.FAILED, "ValueError: the seventh seal")
    assert "Traceback" in failed.log_tail
    assert oom.status is Status.OOM
    assert (timeout.status, timeout.reason) == (Status.TIMEOUT, "no end after 5 s (--timeout)")


def test_data_that_a_node_lacks_is_sent_once_and_other_data_is_refused(
    cluster: Any, tmp_path: Path, variables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/proc/self/cwd` leads to the data in this process only."""
    from cifarkit.studies.completion import trial_spec

    monkeypatch.chdir(tmp_path)
    colours(tmp_path)
    wanted = [
        trial_spec(model="lenet", dataset="/proc/self/cwd/colours.npz", seed=n) for n in range(3)
    ]
    store = Store(tmp_path / "runs")
    refused = run(wanted[:1], store, launcher(cluster, ship_data="no"), work=WORK + "quick")
    assert set(refused.values()) == {Status.FAILED}
    reason = store.state(wanted[0].trial_id).reason
    assert reason.startswith("no node can run it: node ")
    assert "it has no data at /proc/self/cwd/colours.npz" in reason
    statuses = run(wanted, store, launcher(cluster), work=WORK + "quick", jobs=3)
    assert set(statuses.values()) == {Status.COMPLETE}
    assert store.read(wanted[0].trial_id).spec.data.location == "/proc/self/cwd/colours.npz"
    (shipped,) = (variables / "cache" / "shipped").glob("*/colours.npz")
    with np.load(shipped) as arrays:
        np.savez(shipped, **{**arrays, "x_train": 255 - arrays["x_train"]})
    again = run(wanted[:1], Store(tmp_path / "more"), launcher(cluster), work=WORK + "quick")
    assert set(again.values()) == {Status.FAILED}
    assert "is not the planned one" in Store(tmp_path / "more").state(wanted[0].trial_id).reason


def test_a_node_with_another_version_is_refused_and_the_others_do_its_trials(
    cluster: Any, tmp_path: Path, variables: Path
) -> None:
    fake = variables / "fake" / "keras-9.9.9.dist-info"
    fake.mkdir(parents=True, exist_ok=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 9.9.9\n")
    path = os.pathsep.join([str(fake.parent), str(ROOT)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", path)
        other = cluster.add_node(**{**NODE, "num_cpus": 4, "num_gpus": 4})
    try:
        store = Store(tmp_path)
        made = launcher(cluster)
        assert made.slots() == 7
        statuses = run(specs(12), store, made, work=WORK + "quick", jobs=7)
        assert set(statuses.values()) == {Status.COMPLETE}
        states = [store.state(spec.trial_id) for spec in specs(12)]
        assert not any(other.node_id[:6] in state.place for state in states)
        (move, *_) = [move for state in states for move in state.moves]
        assert "refused it: it has other versions: keras 9.9.9 there, 3." in move
    finally:
        cluster.remove_node(other)


def test_what_is_larger_than_the_object_store_comes_back(cluster: Any, tmp_path: Path) -> None:
    store, (spec,) = Store(tmp_path), specs(1)
    statuses = run([spec], store, launcher(cluster), work=WORK + "heavy", files=(KEPT_WEIGHTS,))
    assert statuses == {spec.trial_id: Status.COMPLETE}
    assert (store.folder(spec.trial_id) / KEPT_WEIGHTS).stat().st_size > 160 * 2**20


def test_a_slow_node_holds_up_nothing_but_its_own_trial(
    cluster: Any, tmp_path: Path, variables: Path
) -> None:
    cluster.remove_node(cluster.worker_nodes.copy().pop())
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CIFARKIT_TEST_SLOW", "1")
        slow = cluster.add_node(**NODE)
    try:
        store = Store(tmp_path)
        statuses = run(specs(8), store, launcher(cluster), work=WORK + "in_steps", jobs=3)
        assert set(statuses.values()) == {Status.COMPLETE}
        places = [store.state(spec.trial_id).place for spec in specs(8)]
        assert 1 <= sum(slow.node_id[:6] in place for place in places) <= 2
    finally:
        cluster.remove_node(slow)


def test_a_training_goes_on_elsewhere_and_ends_equal_to_the_last_bit(
    cluster: Any, tmp_path: Path
) -> None:
    data = colours(tmp_path)
    alone = SmallStudy(data, tmp_path / "alone", models="lenet")
    in_a_process(*alone.command())
    there = SmallStudy(data, tmp_path / "there", models="lenet")
    more = ("--launcher", "ray", "--launcher-option", f"address={cluster.address}",
            "--launcher-option", "checkpoint-minutes=0")  # fmt: skip
    command = subprocess.Popen(
        [sys.executable, "-m", "cifarkit", *map(str, there.command(*more))],
        env=environment() | {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"},
    )
    until = time.monotonic() + 120
    while not (found := list(there.runs.glob("trials/*/epoch-*.checkpoint"))):
        assert time.monotonic() < until
        time.sleep(0.05)
    place = there.store.state(found[0].parent.name).place
    (node,) = [n for n in cluster.worker_nodes if n.node_id[:6] in place]
    cluster.remove_node(node, allow_graceful=False)
    assert command.wait(180) == 0
    assert there.outcome() == alone.outcome()
    (record,) = there.store.records()
    assert "was lost" in record.state.moves[0]
    report = cifarkit("report", "--runs", there.runs).stdout
    assert "was lost" in report

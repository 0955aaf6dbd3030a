"""Claim: a trial on a Ray node takes less than 3 s more than in a process of this machine.

    python -m benchmarks.ray_overhead --trials 24

Trials of no work, each in a fresh process, so that all that is left is overhead: by the launcher
`process`, and by `ray` on 1, 2 and 3 nodes of one CPU on this machine. A trial's time is from its
start to its end in the store, the median without the first one of each node.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import ROOT, parser, table
from cifarkit.execution.launchers import ProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from cifarkit.studies.completion import trial_spec

WORK = "tests.execution.whole_work:whole"
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


def measured(launcher: Any, trials: int, jobs: int) -> tuple[float, float]:
    """Seconds of a trial, and of all of them."""
    wanted = [trial_spec(model="lenet", dataset="synthetic", seed=seed) for seed in range(trials)]
    with tempfile.TemporaryDirectory() as folder:
        store, began = Store(folder), time.perf_counter()
        statuses = run(wanted, store, launcher, work=WORK, jobs=jobs)
        took = time.perf_counter() - began
        assert set(statuses.values()) == {Status.COMPLETE}
        states = sorted(
            (store.state(spec.trial_id) for spec in wanted), key=lambda state: str(state.started_at)
        )
        seconds, seen = [], set[str]()
        for state in states:
            assert state.started_at is not None
            assert state.ended_at is not None
            if state.place in seen:
                seconds.append((state.ended_at - state.started_at).total_seconds())
            seen.add(state.place)
    return median(seconds), took


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--trials", type=int, default=24)
    trials = options.parse_args().trials
    # All of it on the loopback interface; read when Ray is imported.
    os.environ |= {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(Path(ROOT)),
    }
    import ray
    from ray.cluster_utils import Cluster

    from cifarkit.execution.ray_launcher import RayLauncher

    alone, took = measured(ProcessLauncher(), trials, 1)
    rows = [["process", f"{alone:.1f}", "", f"{took:.0f}"]]
    head = {**NODE, "num_cpus": 0, "node_ip_address": "127.0.0.1"}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for nodes in (1, 2, 3):
            cluster.add_node(**NODE)
            one, took = measured(RayLauncher({}, address=cluster.address), trials, nodes)
            name = f"ray, {nodes} node{'s' if nodes > 1 else ''}"
            rows.append([name, f"{one:.1f}", f"{one - alone:.1f}", f"{took:.0f}"])
    finally:
        ray.shutdown()
        cluster.shutdown()
    table(
        f"{trials} trials of no work",
        ["launcher", "a trial (s)", "more than a process (s)", "all (s)"],
        rows,
    )


if __name__ == "__main__":
    main()

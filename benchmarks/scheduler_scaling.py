"""Claim: running a trial costs less than 20 ms beside its work, at 100,000 trials and 64 places.

    python -m benchmarks.scheduler_scaling --trials 1000,10000,100000

Trials of no work, which leave a result and a history, on 64 threads of this process: what is
measured is the runner, the store with its locks and `fsync`, and Python. Then the same again, with
all trials done; the store's listing of ids; and reading all records, in which a report's time goes.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import parser, table
from cifarkit.execution.events import Emit
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status
from cifarkit.store.store import Store, write_history, write_result
from cifarkit.store.trials import read_all
from cifarkit.studies.completion import trial_spec
from tests.reporting.fabricate import history, result

PLACES = 64
RESULT, HISTORY = result(), history()


def nothing(folder: Path, emit: Emit) -> None:
    """What a trial leaves, without the trial."""
    write_history(folder, HISTORY)
    write_result(folder, RESULT)


def specs(count: int) -> list[TrialSpec]:
    one = trial_spec(model="lenet", dataset="synthetic")
    return [
        one.model_copy(update={"train": one.train.model_copy(update={"seed": seed})})
        for seed in range(count)
    ]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measured(store: Store, count: int) -> list[str]:
    wanted = specs(count)
    work = f"{__spec__.name if __spec__ else __name__}:nothing"

    def everything() -> None:
        statuses = run(wanted, store, InProcessLauncher(), work=work, jobs=PLACES)
        assert set(statuses.values()) == {Status.COMPLETE}

    first, again = seconds(everything), seconds(everything)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    listing = seconds(store.trial_ids)
    reading = seconds(lambda: read_all(store, store.trial_ids()))
    return [
        f"{count:,}",
        f"{1000 * first / count:.1f}",
        f"{1000 * again / count:.1f}",
        f"{peak_mb:,.0f}",
        f"{listing:.2f}",
        f"{reading:.1f}",
    ]


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--trials", default="1000,10000,100000")
    rows = []
    for count in map(int, options.parse_args().trials.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(Store(Path(folder)), count))
    table(
        f"Trials of no work on {PLACES} places",
        [
            "trials", "a trial (ms)", "a finished one (ms)", "peak memory (MB)", "listing (s)",
            "reading all (s)",
        ],
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()

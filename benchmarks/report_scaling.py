"""Claim: a report of 10,000 trials takes at most 5 seconds.

    python -m benchmarks.report_scaling --trials 100,1000,10000

Stores of sweeps over ten learning rates with ten seeds each, fabricated, with histories and the
predictions of 1,000 test images; `cifarkit report` in a process of its own, to Markdown and to CSV.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.measure import ROOT, alternate, parser, spread, table
from cifarkit.store.study_records import Arm
from tests.reporting.fabricate import Fabricator, hits, result

SEEDS = 10
RATES = [10.0**-power for power in np.linspace(2, 5, 10)]
TEST_IMAGES = 1_000


def fabricate(root: Path, trials: int) -> None:
    """Studies of ten arms with ten seeds, until there are so many trials."""
    rng = np.random.default_rng(0)
    fabricator = Fabricator(root)
    for study in range(trials // (SEEDS * len(RATES))):
        arms = []
        for rate in RATES:
            accuracy = float(rng.uniform(0.5, 0.8))
            ids = []
            for seed in range(SEEDS):
                settings = {"model": "lenet", "learning_rate": rate, "seed": seed}
                settings |= {"dropout": None, "label_smoothing": study / 1000}
                right = rng.random(TEST_IMAGES) < accuracy
                made = result(accuracy=accuracy, hits=hits(right), test_images=TEST_IMAGES)
                ids.append(fabricator.trial(settings, made))
                fabricator.predictions(ids[-1], right)
                fabricator.sums(ids[-1])
            varied = {"learning_rate": rate}
            arms.append(Arm(label=f"{rate:.2g}", settings=varied, trials=tuple(ids)))
        fabricator.study(f"sweep-{study}", "sweep", ["learning_rate"], arms)


def report(runs: Path, form: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "cifarkit", "report", "--runs", str(runs), "--format", form],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--trials", default="100,1000,10000")
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for trials in map(int, chosen.trials.split(",")):
            runs = Path(folder) / str(trials)
            with mock.patch.object(os, "fsync"):  # nothing here has to survive
                fabricate(runs, trials)
            found = alternate(
                {form: lambda r=runs, f=form: report(r, f) for form in ("markdown", "csv")},
                chosen.repeats,
            )
            rows.append([f"{trials:,}", *(spread(seconds) for seconds in found.values())])
    table("Report", ["trials", "to Markdown (s)", "to CSV (s)"], rows)


if __name__ == "__main__":
    main()

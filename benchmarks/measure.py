"""What the benchmarks share: data, runs in fresh processes, alternation, tables.

Arms take turns within each repeat, so that a machine that slows down slows all of them. Figures
are medians, with the lowest and highest beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
import psutil

from cifarkit.execution.events import PhaseChanged, TrialEvent
from cifarkit.execution.launchers import ProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.profiling.environment import cpu_model
from cifarkit.store.store import Store
from cifarkit.studies.completion import trial_spec

ROOT = Path(__file__).resolve().parents[1]
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
Measured = TypeVar("Measured", float, tuple[float, float])


def parser(doc: str | None, *, repeats: int) -> argparse.ArgumentParser:
    """A command line whose help is the file's docstring, with `--repeats`."""
    found = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--repeats", type=int, default=repeats, help="runs of each arm")
    return found


def noise(folder: Path, images: int, *, side: int = 32, classes: int = 10, test: int = 100) -> Path:
    """An `.npz` of random images, as many of each class: for speed it does not matter what is seen.

    Args:
        images: For training, validation included.
        side: Of the square images, in pixels.
        test: Images of the test part.
    """
    rng = np.random.default_rng(0)
    path = folder / f"noise-{images}-{side}.npz"
    np.savez(
        path,
        x_train=rng.integers(0, 256, (images, side, side, 3), dtype=np.uint8),
        y_train=np.arange(images) % classes,
        x_test=rng.integers(0, 256, (test, side, side, 3), dtype=np.uint8),
        y_test=np.arange(test) % classes,
    )
    return path


def cifarkit(settings: Mapping[str, Any], environment: Mapping[str, str] = QUIET) -> dict[str, Any]:
    """Run one trial in its process.

    Returns:
        `seconds`: of the process. `first_batch_seconds`: from its start to its first trained batch.
        `fit_seconds`, `epoch_seconds`, `images_per_second`, `peak_rss_mb` and `notes` are those of
        its result.

    Raises:
        RuntimeError: The trial did not complete.
    """
    spec = trial_spec(**settings)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        began, compiling = time.perf_counter(), 0.0

        def hear(event: TrialEvent) -> None:
            nonlocal compiling
            if event.payload == PhaseChanged("compile") and not compiling:
                compiling = time.perf_counter() - began

        run(
            [spec],
            store,
            ProcessLauncher(QUIET | dict(environment)),
            work="cifarkit.training.trial:run_trial",
            on_event=hear,
        )
        seconds = time.perf_counter() - began
        record = store.read(spec.trial_id)
        if record.result is None:
            raise RuntimeError(
                f"{spec.model.model}: {record.state.reason}\n{record.state.log_tail}"
            )
        return {
            "seconds": seconds,
            "first_batch_seconds": compiling + record.result.time.first_step_seconds,
            "epoch_seconds": record.result.time.epoch_seconds,
            "fit_seconds": record.result.time.fit_seconds,
            "images_per_second": record.result.time.images_per_second,
            "peak_rss_mb": record.result.memory.peak_rss_mb,
            "notes": record.result.notes,
        }


def plain(settings: Mapping[str, Any], environment: Mapping[str, str] = QUIET) -> dict[str, Any]:
    """Run `benchmarks/plain.py` with these settings in a process; keys as of `cifarkit`."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.plain", json.dumps(dict(settings), default=str)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | QUIET | dict(environment),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured | {"seconds": time.perf_counter() - began}


def alternate(
    arms: Mapping[str, Callable[[], Measured]], repeats: int
) -> dict[str, list[Measured]]:
    """Run every arm in turn, `repeats` times, in changing order; what each gave, in order."""
    found: dict[str, list[Measured]] = {name: [] for name in arms}
    for repeat in range(repeats):
        names = list(arms) if repeat % 2 == 0 else list(reversed(arms))
        for name in names:
            found[name].append(arms[name]())
            print(f"  {name}, run {repeat + 1}: {found[name][-1]}", file=sys.stderr, flush=True)
    return found


def spread(values: Sequence[float], digits: int = 1) -> str:
    """`12.3 (12.1 to 12.9)`: median, lowest and highest."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a Markdown table under a heading, with the machine below it."""
    print(f"## {title}\n")
    print("| " + " | ".join(header) + " |")
    print("|" + " --- |" * len(header))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print(f"\n{machine()}\n", flush=True)


def machine() -> str:
    """The machine and the versions, in a sentence."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    day = time.strftime("%Y-%m-%d")
    return (
        f"{cpu_model()}, {cores} cores, {memory:.0f} GB{_gpu()}; Python {sys.version.split()[0]}, "
        f"TensorFlow {version('tensorflow')}, Keras {version('keras')}; {day}. "
        "Median (lowest to highest)."
    )


def _gpu() -> str:
    try:
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return ", " + subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return ""

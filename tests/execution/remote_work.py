"""Work for trials on other nodes: it notes in a file, which all nodes here share, what it does."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cifarkit.execution.events import Emit
from cifarkit.store.store import CHECKPOINTS, KEPT_WEIGHTS
from tests.execution.whole_work import whole
from tests.execution.work import epoch_ended

STEPS = 6


def note(folder: Path, what: str) -> None:
    with open(os.environ["CIFARKIT_TEST_NOTES"], "a") as notes:
        notes.write(f"{folder.name} {what} {os.getpid()}\n")


def quick(folder: Path, emit: Emit) -> None:
    note(folder, "began")
    whole(folder, emit)
    note(folder, "ended")


def in_steps(folder: Path, emit: Emit) -> None:
    """A checkpoint after each step of half a second; goes on after the last one."""
    note(folder, "began")
    done = max((int(path.stem[6:]) for path in folder.glob(CHECKPOINTS)), default=0)
    for step in range(done + 1, STEPS + 1):
        time.sleep(0.5 if "CIFARKIT_TEST_SLOW" not in os.environ else 3.0)
        (folder / f"epoch-{step:05d}.checkpoint").write_bytes(b"as much as it takes")
        note(folder, f"step-{step}")
        emit(epoch_ended(step, STEPS))
    whole(folder, emit)
    note(folder, "ended")


def heavy(folder: Path, emit: Emit) -> None:
    """Leaves weights of 160 MB, twice what a node's object store holds."""
    whole(folder, emit)
    (folder / KEPT_WEIGHTS).write_bytes(b"\x89HDF\r\n\x1a\n" + os.urandom(160 * 2**20))

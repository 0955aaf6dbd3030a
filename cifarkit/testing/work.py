"""Work without any training, for `check_launcher`."""

from __future__ import annotations

import time
from pathlib import Path

from cifarkit.execution.events import Emit, EpochEnded, PhaseChanged


def epoch_ended(epoch: int, epochs: int) -> EpochEnded:
    """An epoch with made-up numbers."""
    return EpochEnded(epoch, epochs, 1.0, 0.5, 1.0, 0.5, 1.0, 0.1, 100.0)


def completes(folder: Path, emit: Emit, *, text: str) -> None:
    """Emit two events and write a file."""
    emit(PhaseChanged("data"))
    emit(epoch_ended(1, 1))
    (folder / "done").write_text(text)


def fails(folder: Path, emit: Emit) -> None:
    raise ValueError("failed on purpose")


def runs_out_of_memory(folder: Path, emit: Emit) -> None:
    raise MemoryError("on purpose")


def hangs(folder: Path, emit: Emit) -> None:
    emit(PhaseChanged("hanging"))
    time.sleep(300)

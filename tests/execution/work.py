"""Work for trials that trains nothing: what goes wrong with real work, made on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from cifarkit.execution.events import Emit, EpochEnded, PhaseChanged


def epoch_ended(epoch: int, epochs: int) -> EpochEnded:
    return EpochEnded(epoch, epochs, 1.0, 0.5, 1.0, 0.5, 1.0, 0.1, 99.6)


def quick(folder: Path, emit: Emit) -> None:
    """Done at once; counts how often it was run."""
    from cifarkit.store.store import write_result
    from tests.reporting.fabricate import result

    with (folder / "ran").open("a") as stream:
        stream.write("x")
    emit(epoch_ended(1, 1))
    print("said on standard output")
    write_result(folder, result())


def raises(folder: Path, emit: Emit) -> None:
    raise ValueError("the seventh seal\nis broken")


def no_memory(folder: Path, emit: Emit) -> None:
    import numpy as np

    np.ones(2**60, np.uint8)


def dies(folder: Path, emit: Emit) -> None:
    os.abort()


def exits(folder: Path, emit: Emit) -> None:
    os._exit(3)


def takes_two_seconds(folder: Path, emit: Emit) -> None:
    """In steps, so that what it was suspended for does not count."""
    (folder / "pids").write_text(str(os.getpid()))
    for _ in range(20):
        time.sleep(0.1)
    only_a_result(folder, emit)


def only_a_result(folder: Path, emit: Emit) -> None:
    from cifarkit.store.store import write_result
    from tests.reporting.fabricate import result

    write_result(folder, result())


def hangs(folder: Path, emit: Emit) -> None:
    """Starts a child of its own and waits for ever; says who both are."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (folder / "pids").write_text(f"{os.getpid()} {child.pid}")
    emit(PhaseChanged("hanging"))
    time.sleep(600)


def falls_silent(folder: Path, emit: Emit) -> None:
    """Four events, one a second, then it hangs with a child of its own."""
    for epoch in range(1, 5):
        emit(epoch_ended(epoch, 9))
        time.sleep(1)
    hangs(folder, lambda event: None)


def grows_in_a_child(folder: Path, emit: Emit) -> None:
    """A child holds 300 MB."""
    program = "import time; block = b'x' * (300 * 2**20); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", program])
    (folder / "pids").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


def needs_micro_batches_of_16(folder: Path, emit: Emit, micro_batch: int | None = None) -> None:
    """Runs out of memory in anything larger."""
    with (folder / "tried").open("a") as stream:
        stream.write(f"{micro_batch} ")
    if micro_batch is None or micro_batch > 16:
        raise MemoryError("too much")


def never_fits(folder: Path, emit: Emit, micro_batch: int | None = None) -> None:
    with (folder / "tried").open("a") as stream:
        stream.write(f"{micro_batch} ")
    raise MemoryError("too much")


def grows(folder: Path, emit: Emit) -> None:
    """Holds 300 MB for a moment, then hangs."""
    import numpy as np

    block = np.ones(300 * 2**20, np.uint8)
    emit(PhaseChanged(f"holding {block.nbytes}"))
    time.sleep(1)
    os.kill(os.getpid(), 9)


def talks(folder: Path, emit: Emit) -> None:
    """Says more than fits into a buffer."""
    for _ in range(1000):
        print("said on standard output", flush=True)
        print("said on standard error", file=sys.stderr)

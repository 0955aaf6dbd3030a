"""The contract of a launcher."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Timer
from typing import Any

from cifarkit.execution.events import PhaseChanged, WorkEvent
from cifarkit.execution.launchers import Launcher
from cifarkit.execution.resource_monitor import Limits
from cifarkit.store.records import Status
from cifarkit.testing.expect import expect
from cifarkit.testing.work import epoch_ended

_ENDED_SECONDS = 60


def check_launcher(
    make: Callable[[Mapping[str, str]], Launcher], *, enforces_limits: bool = True
) -> None:
    """Launch work that completes, fails, runs out of memory, and hangs.

    Args:
        make: What the entry point gives.
        enforces_limits: False for a launcher that cannot end its work, such as one in this process.

    Raises:
        AssertionError: It breaks the contract of `execution.launchers.Launcher`.
    """
    ended, events, folder = _launch(make({}), "completes", options={"text": "yes"})
    expect(ended.status is Status.COMPLETE, f"work that completes: {ended}")
    expect(events == [PhaseChanged("data"), epoch_ended(1, 1)], f"events are {events}")
    expect(folder == {"done": "yes"}, f"the trial's folder has {folder}")
    ended, _, _ = _launch(make({}), "fails")
    expect(ended.status is Status.FAILED, f"work that raises ValueError: {ended}")
    expect("failed on purpose" in ended.reason, f"the reason is not the exception's: {ended}")
    ended, _, _ = _launch(make({}), "runs_out_of_memory")
    expect(ended.status is Status.OOM, f"work that raises MemoryError: {ended}")
    idle = make({})
    idle.stop()
    idle.stop()
    if not enforces_limits:
        return
    began = time.monotonic()
    ended, _, _ = _launch(make({}), "hangs", limits=Limits(timeout_seconds=2.0))
    expect(ended.status is Status.TIMEOUT, f"work that hangs, with a timeout of 2 s: {ended}")
    launcher = make({})
    timer = Timer(3.0, launcher.stop)
    timer.start()
    ended, _, _ = _launch(launcher, "hangs")
    expect(ended.status is Status.PENDING, f"work that stop() ended: {ended}")
    took = time.monotonic() - began
    expect(took < _ENDED_SECONDS, f"a timeout of 2 s and stop() after 3 s took {took:.0f} s")


def _launch(launcher: Launcher, work: str, **how: Any) -> tuple[Any, list[WorkEvent], Any]:
    events: list[WorkEvent] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ended = launcher.run(f"cifarkit.testing.work:{work}", folder, on_event=events.append, **how)
        files = {path.name: path.read_text() for path in folder.iterdir() if path.name != "log.txt"}
    return ended, events, files

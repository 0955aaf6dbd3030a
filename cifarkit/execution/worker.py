"""The worker process of a trial: `python -m cifarkit.execution.worker module:function FOLDER JSON`.

The JSON object holds the function's keyword arguments: how to do the work, not what it is.

Standard output carries events to the parent, one JSON object per line; anything printed goes to
the trial's `log.txt`. The process ends when its standard input closes, so that a killed parent
leaves no orphan.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cifarkit import streams
from cifarkit.execution.events import PhaseChanged, WorkEnded, WorkEvent, to_json
from cifarkit.profiling.device_use import memory_in_words

_LOG = logging.getLogger("cifarkit.execution.worker")  # `__name__` is `__main__` here
Work = Callable[..., None]
"""A function of a trial's folder and an `Emit`; keyword arguments are its options."""


def resolve(work: str) -> Work:
    """The function that `module:function` names."""
    module, _, function = work.partition(":")
    found: Work = getattr(importlib.import_module(module), function)
    return found


def explain(error: BaseException) -> WorkEnded:
    """How an exception ends a trial: `oom` or `failed`, with a one-line reason."""
    # By name, to avoid importing TensorFlow.
    device = "CUDA_ERROR_OUT_OF_MEMORY" in str(error) or any(
        kind.__name__ == "ResourceExhaustedError" for kind in type(error).__mro__
    )
    lines = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    if not device and not isinstance(error, MemoryError):
        return WorkEnded("failed", reason[:300])
    memory = memory_in_words() if device and "tensorflow" in sys.modules else ""
    return WorkEnded("oom", reason[:300] + (f"; {memory}" if memory else ""))


def has_own_process() -> bool:
    """Whether this process was started for one trial, so that its peak memory is the trial's."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == "cifarkit.execution.worker"


def main(work: str, folder: Path, options: dict[str, Any]) -> int:
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    streams.prepare()  # a full disk may cost the log, not the training
    streams.show_log(logging.INFO, "%(asctime)s %(name)s: %(message)s")
    lock = threading.Lock()

    def emit(event: WorkEvent | WorkEnded) -> None:
        if isinstance(event, PhaseChanged):
            _LOG.info("phase: %s", event.phase)
        with lock:
            events.write(to_json(event) + "\n")
            events.flush()

    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        resolve(work)(folder, emit, **options)
    except BaseException as error:
        traceback.print_exc()
        emit(explain(error))
        return 1
    emit(WorkEnded("complete"))
    return 0


def _end_with_the_parent() -> None:
    while os.read(0, 1024):
        pass
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # kills the children too
    os._exit(1)


if __name__ == "__main__":
    code = main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))
    sys.stdout.flush()
    # TensorFlow's threads can block a regular exit; everything has been written.
    os._exit(code)

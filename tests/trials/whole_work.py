"""Work that trains nothing and leaves all that a trained trial leaves."""

from __future__ import annotations

from pathlib import Path

from cifarkit.trials.store import KEPT_WEIGHTS, write_history, write_result
from cifarkit.trials.worker import Emit
from tests.reporting.fabricate import history, result
from tests.reporting.scored_trials import NAMES, arrays, save


def whole(folder: Path, emit: Emit) -> None:
    """Every artifact; counts how often it was run."""
    with (folder / "ran").open("a") as stream:
        stream.write("x")
    emit("phase", {"phase": "fit"})
    write_history(folder, history())
    save(folder / "predictions.npz", arrays())
    (folder / KEPT_WEIGHTS).write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    write_result(folder, result(test_images=40, class_names=NAMES))

"""Work that trains nothing and leaves all that a trained trial leaves."""

from __future__ import annotations

from pathlib import Path

from cifarkit.execution.events import Emit, PhaseChanged
from cifarkit.store.correctness_bits import packed
from cifarkit.store.store import KEPT_WEIGHTS, write_history, write_result
from tests.reporting.evaluated_trials import NAMES, arrays, save
from tests.reporting.fabricate import history, result


def whole(folder: Path, emit: Emit) -> None:
    """Every artifact; counts how often it was run."""
    with (folder / "ran").open("a") as stream:
        stream.write("x")
    emit(PhaseChanged("fit"))
    write_history(folder, history())
    predicted = arrays()
    save(folder / "predictions.npz", predicted)
    (folder / KEPT_WEIGHTS).write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    hits = packed(predicted["labels"], predicted["predictions"])
    write_result(folder, result(test_images=40, class_names=NAMES, hits=hits))

"""A study of two tiny networks, and what of it has to be the same however often it was killed."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cifarkit.store.records import Status
from cifarkit.store.store import Store
from tests.cli.command import cifarkit, environment, in_a_process

ROOT = Path(__file__).parents[2]
FAULTS = Path(__file__).parent / "faults"
SAME = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy")
WORKER, COMMAND = "cifarkit.execution.worker", "zoo"
"""A word of the command line of a trial's process, and of the one that started it."""


def colours(folder: Path) -> Path:
    """Three classes of flat colours with so much noise that they take epochs to learn."""
    rng = np.random.default_rng(0)

    def images(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(n) % 3
        colour = np.eye(3)[labels][:, None, None] * 12 + 115
        return np.clip(rng.normal(colour, 60, (n, 16, 16, 3)), 0, 255).astype(np.uint8), labels

    path = folder / "colours.npz"
    (x_train, y_train), (x_test, y_test) = images(240), images(90)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@dataclass(frozen=True)
class SmallStudy:
    """`cifarkit zoo` on LeNet and on a network with dropout, early stopping on."""

    data: Path
    runs: Path
    epochs: int = 12
    models: str = "lenet,custom_cnn"

    def command(self, *more: str) -> tuple[str | Path, ...]:
        return (COMMAND, "--dataset", self.data, "--models", self.models, "--epochs",
                str(self.epochs), "--patience", "6", "--batch-size", "32", "--runs", self.runs,
                *more)  # fmt: skip

    @property
    def store(self) -> Store:
        return Store(self.runs)

    def finish(self) -> None:
        """The same command until nothing is left to do; it never needs more than one go."""
        in_a_process(*self.command())

    def report(self) -> None:
        """The report can be written at any moment after the study's file is there."""
        if list(self.runs.glob("studies/*.json")):
            assert "LeNet" in cifarkit("report", "--runs", self.runs).stdout

    def resumed(self) -> list[str]:
        """What the trials that went on from a checkpoint say of it."""
        records = [record for record in self.store.records() if record.result is not None]
        return [note for record in records for note in record.result.notes if "resumed" in note]

    def outcome(self) -> dict[str, tuple[object, ...]]:
        """Of each trial, by its network: its history and predictions, to the last bit."""
        found = {}
        for record in self.store.records():
            assert record.state.status is Status.COMPLETE
            assert record.result is not None
            left = {path.name for path in record.folder.iterdir()}
            assert not [name for name in left if name.startswith(".") or "checkpoint" in name], left
            found[record.spec.model.model] = (
                [[row[column] for column in SAME] for row in record.history],
                record.result.accuracy,
                record.result.best_epoch,
                record.result.stopped_early,
                (record.folder / "predictions.npz").read_bytes(),
            )
        return found


def with_faults(**fault: str) -> dict[str, str]:
    """The environment in which that goes wrong; see `faults`."""
    path = os.pathsep.join([str(FAULTS), str(ROOT)])
    return environment() | {"PYTHONPATH": path} | fault

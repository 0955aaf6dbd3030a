"""Stores with trials that nobody trained: the published numbers, and whatever a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cifarkit.profiling.measurements import Memory, Parameters
from cifarkit.reporting import published
from cifarkit.specs import TrialSpec
from cifarkit.store.correctness_bits import packed
from cifarkit.store.records import Hits, Result, State, Status, TrialRecord
from cifarkit.store.store import Store, checksums, write_history, write_result
from cifarkit.store.study_records import Arm, StudyRecord
from cifarkit.studies.completion import trial_spec
from cifarkit.testing import study as made_up
from cifarkit.testing.study import ENVIRONMENT, history

__all__ = ["ENVIRONMENT", "history"]

START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
TRUE_CLASSES = 80
CLASS_NAMES = tuple(f"class {number:02}" for number in range(TRUE_CLASSES))


def result(
    *,
    accuracy: float = 0.7,
    time_s: float = 100.0,
    memory_mb: float = 25.6,
    total_params: int = 128_420,
    trainable_params: int | None = None,
    epochs: int = 10,
    **changes: Any,
) -> Result:
    """A result with the given numbers; everything else follows from them by simple rules."""
    trainable = total_params if trainable_params is None else trainable_params
    fields: dict[str, Any] = {
        "parameters": Parameters(
            total=total_params,
            trainable=trainable,
            non_trainable=total_params - trainable,
            backbone_layers=100,
            frozen_layers=0,
        ),
        "memory": Memory(
            estimated_mb=memory_mb,
            estimated_with_input_mb=memory_mb,
            peak_rss_mb=2048.0 + 10 * memory_mb,
            baseline_rss_mb=700.0,
        ),
        "flops_per_image": 25 * total_params,
        "epochs_run": epochs,
        "best_epoch": max(1, epochs - 3),
        "class_names": CLASS_NAMES,
    }
    return made_up.result(accuracy=accuracy, fit_seconds=time_s, **(fields | changes))


def guessed(correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted classes, the same just where `correct` is true."""
    labels = (np.arange(correct.size) % TRUE_CLASSES).astype(np.int32)
    return labels, np.where(correct, labels, (labels + 1) % TRUE_CLASSES).astype(np.int32)


def hits(correct: np.ndarray) -> Hits:
    """What a trial with such predictions keeps of them in its result."""
    return packed(*guessed(correct))


class Fabricator:
    """A store that grows by calls; trials start one after the other."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self._clock = START

    def trial(
        self,
        settings: Mapping[str, Any],
        made: Result | None = None,
        state: Status = Status.COMPLETE,
        reason: str = "",
        **of_state: Any,
    ) -> str:
        """A trial in a state; complete ones have a result and a history."""
        spec = trial_spec(**({"classes": 80, "head_outputs": 100, "epochs": 100} | dict(settings)))
        return self.of_spec(spec, made, state, reason, **of_state)

    def of_spec(
        self,
        spec: TrialSpec,
        made: Result | None = None,
        state: Status = Status.COMPLETE,
        reason: str = "",
        **of_state: Any,
    ) -> str:
        """The same of a whole spec."""
        folder = self.store.add(spec)
        started, self._clock = self._clock, self._clock + timedelta(minutes=10)
        times: dict[str, Any] = {"started_at": started, "ended_at": self._clock, "host": "box"}
        stored = State(status=state, attempts=1, reason=reason, **(times | of_state))
        self.store.write_state(spec.trial_id, stored)
        if state is Status.COMPLETE:
            made = made or result()
            write_result(folder, made)
            write_history(folder, history(made.accuracy.test, made.epochs_run))
        return spec.trial_id

    def predictions(self, trial_id: str, correct: np.ndarray) -> None:
        """Predictions that are right just where `correct` is true."""
        labels, guesses = guessed(correct)
        np.savez_compressed(
            self.store.folder(trial_id) / "predictions.npz",
            labels=labels,
            predictions=guesses,
            probabilities=np.zeros((correct.size, TRUE_CLASSES), np.float16),
        )

    def sums(self, trial_id: str) -> None:
        """Note the checksums of what the trial has by now."""
        state, folder = self.store.state(trial_id), self.store.folder(trial_id)
        summed = state.model_copy(update={"checksums": checksums(folder)})
        self.store.write_state(trial_id, summed)

    def study(
        self, name: str, kind: str, axes: Sequence[str], arms: Sequence[Arm], title: str = ""
    ) -> StudyRecord:
        study = StudyRecord(
            name=name,
            kind=kind,
            title=title or name.capitalize(),
            axes=tuple(axes),
            arms=tuple(arms),
            created_at=self._clock,
        )
        self.store.write_study(study)
        return study

    def records(self) -> dict[str, TrialRecord]:
        return {record.trial_id: record for record in self.store.records()}


def make_store(root: Path, kinds: Sequence[str] = ("zoo",)) -> tuple[Store, list[StudyRecord]]:
    """A store with the published study's tables as finished studies."""
    makers: dict[str, Callable[[Fabricator], StudyRecord]] = {
        "zoo": published_zoo,
        "resize": published_resize,
        "finetune": published_finetune,
    }
    for axis in ("dropout", "batch_size", "learning_rate"):
        makers[axis] = partial(published_sweep, axis=axis)
    fabricator = Fabricator(root)
    return fabricator.store, [makers[kind](fabricator) for kind in kinds]


def published_zoo(fabricator: Fabricator) -> StudyRecord:
    """Table 1, each row under its published label."""
    arms = []
    for row in published.tables()["table1_zoo"]:
        settings = {"model": row["key"]}
        trial = fabricator.trial(settings, result(**_numbers(row)))
        arms.append(Arm(label=row["model"], settings=settings, trials=(trial,)))
    return fabricator.study("zoo", "zoo", ["model"], arms, "Model zoo on CIFAR-100")


def published_resize(fabricator: Fabricator) -> StudyRecord:
    """Table 2, with the size that was out of memory and a model that cannot be so small."""
    arms = []
    for model in ("densenet169", "densenet201"):
        for size in (32, 78, 96, 128):
            settings = {"model": model, "image_size": size}
            row = published.row(["model", "image_size"], Arm(label="", settings=settings))
            if row is None or "outcome" in row:
                trial = fabricator.trial(settings, state=Status.OOM, peak_rss_mb=15_900.0)
            else:
                trial = fabricator.trial(settings, result(**_numbers(row)))
            label = f"{model} at {size} px"
            arms.append(Arm(label=label, settings=settings, trials=(trial,)))
    impossible = "inceptionv3 takes 75 pixels or more"
    settings = {"model": "inceptionv3", "image_size": 32}
    arms.append(Arm(label="inceptionv3 at 32 px", settings=settings, impossible=impossible))
    return fabricator.study("resize", "resize", ["model", "image_size"], arms, "Image size")


def published_finetune(fabricator: Fabricator) -> StudyRecord:
    """Table 3."""
    arms = []
    for row in published.tables()["table3_finetune"]:
        settings = {"model": "densenet201", "unfreeze": row["unfreeze"]}
        made = result(total_params=18_514_084, **_numbers(row))
        trial = fabricator.trial({**settings, "image_size": 96}, made)
        arms.append(Arm(label=row["setting"], settings=settings, trials=(trial,)))
    return fabricator.study("finetune", "finetune", ["unfreeze"], arms, "Fine-tuning depth")


def published_sweep(fabricator: Fabricator, axis: str) -> StudyRecord:
    """Table 4, 5 or 6."""
    table = next(rows for name, rows in published.tables().items() if name.endswith(f"_{axis}"))
    arms = []
    for row in table:
        settings = {axis: row[axis]}
        spec = {"model": "densenet201", "image_size": 96, **settings}
        trial = fabricator.trial(spec, result(**_numbers(row)))
        arms.append(Arm(label=str(row[axis]), settings=settings, trials=(trial,)))
    title = axis.replace("_", " ").capitalize()
    return fabricator.study(axis.replace("_", "-"), "sweep", [axis], arms, title)


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("accuracy", "time_s", "memory_mb", "total_params", "trainable_params", "epochs")
    return {name: row[name] for name in names if name in row}

"""A training that is cut off and goes on ends exactly where it would have ended."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cifarkit.execution.events import Emit, EpochEnded, WorkEvent
from cifarkit.specs import TrialSpec
from cifarkit.studies.completion import trial_spec
from cifarkit.training import checkpoint, loop
from cifarkit.training.checkpoint import Checkpoints, ResourceUsage, Snapshot
from cifarkit.training.fit_result import FitResult
from cifarkit.training.loop import fit
from cifarkit.training.model_builder import build, precision
from cifarkit.training.trial_notes import fit_notes
from tests.training.test_loop import DATA


class CutOff(Exception):
    pass


def at(epoch: int | None) -> Emit:
    """Ends the training after that epoch."""

    def emit(event: WorkEvent) -> None:
        if isinstance(event, EpochEnded) and event.epoch == epoch:
            raise CutOff

    return emit


def checkpoints(folder: Path, **identity: str) -> Checkpoints:
    return Checkpoints(folder, identity, lambda: ResourceUsage(2.0, 100.0))


def train(spec: TrialSpec, folder: Path, cut: int | None = None) -> tuple[FitResult, np.ndarray]:
    """Train from the newest checkpoint of the folder to the end, or to the epoch `cut`."""
    folder.mkdir(exist_ok=True)
    keras.utils.set_random_seed(spec.train.seed)
    with precision(spec.train.precision):
        built = build(spec.model, (32, 32))
    done, logits_of = fit(
        built,
        DATA,
        spec.train,
        emit=at(cut),
        on_epoch=lambda _: None,
        checkpoints=checkpoints(folder),
    )
    return done, logits_of(DATA.test_images)


def figures(done: FitResult) -> list[list[float]]:
    columns = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy")
    return [[row[column] for column in columns] for row in done.history]


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "TRAINED_PER_WRITTEN", 0.0)


CASES = {
    "dropout, augmentation, adam": {"model": "custom_cnn", "dropout": 0.5, "epochs": 5},
    # So high a rate that the best epoch is an early one, whose weights have to be kept.
    "early stopping": {
        "model": "lenet",
        "learning_rate": 0.02,
        "epochs": 12,
        "patience": 3,
        "augment": False,
    },
    "momenta and loss scale": {
        "model": "lenet",
        "precision": "mixed_float16",
        "optimizer": "adamw",
        "epochs": 4,
    },
    "cosine schedule, averaged weights": {
        "model": "lenet",
        "optimizer": "adamw",
        "epochs": 5,
        "warmup_epochs": 2,
        "schedule": "cosine",
        "learning_rate": 1e-3,
        "ema": 0.8,
        "layer_decay": 0.7,
    },
    "rmsprop": {"model": "lenet", "optimizer": "rmsprop", "epochs": 4},
    "mixed images": {"model": "lenet", "mixup": 0.4, "cutmix": 1.0, "epochs": 4}
    | {"random_erasing": 0.5, "trivialaugment": True},
    "statistics of BatchNormalization": {"model": "resnet8", "weights": "none", "epochs": 4},
}


@pytest.mark.parametrize("case", CASES)
def test_it_goes_on_to_the_last_bit(case: str, tmp_path: Path) -> None:
    spec = trial_spec(**{"dataset": "cifar10", "classes": 2, "batch_size": 32} | CASES[case])
    whole, expected = train(spec, tmp_path / "none")
    cuts = [1, len(whole.history) - 1]
    for cut in cuts:
        with pytest.raises(CutOff):
            train(spec, tmp_path / "cut", cut)
    resumed, logits = train(spec, tmp_path / "cut")
    assert figures(resumed) == figures(whole)
    np.testing.assert_array_equal(logits, expected)
    assert (resumed.best_epoch, resumed.stopped_early) == (whole.best_epoch, whole.stopped_early)
    assert resumed.resumed_after == cuts


def test_it_is_noted_where_the_attempts_rounded_differently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = trial_spec(model="lenet", dataset="cifar10", classes=2, batch_size=32, epochs=3)
    for number, cut in ((2, 1), (2, 2), (8, None)):
        monkeypatch.setattr(loop, "arithmetic", lambda number=number: f"a CPU, {number} threads")
        if cut is None:
            done, _ = train(spec, tmp_path)
        else:
            with pytest.raises(CutOff):
                train(spec, tmp_path, cut)
    (note,) = [note for note in fit_notes(done, 32, None) if "attempts" in note]
    assert "ran on a CPU, 2 threads; then on a CPU, 8 threads: its figures may differ" in note


def test_from_the_end_nothing_is_left_to_train(tmp_path: Path) -> None:
    spec = trial_spec(model="lenet", dataset="cifar10", classes=2, batch_size=32, epochs=3)
    whole, expected = train(spec, tmp_path)
    again, logits = train(spec, tmp_path)
    assert again.history == whole.history
    assert again.resumed_after == [3]
    np.testing.assert_array_equal(logits, expected)


@pytest.mark.slow
def test_it_goes_on_in_either_phase(tmp_path: Path) -> None:
    """Cut off while the head alone is trained, between the phases, and after them."""
    spec = trial_spec(
        model="mobilenetv2",
        weights="none",
        dataset="cifar10",
        classes=2,
        image_size=32,
        unfreeze=0.1,
        batch_size=96,
        head_epochs=2,
        epochs=2,
    )
    whole, expected = train(spec, tmp_path / "none")
    for cut in (1, 2, 3):
        with pytest.raises(CutOff):
            train(spec, tmp_path / "cut", cut)
    resumed, logits = train(spec, tmp_path / "cut")
    assert figures(resumed) == figures(whole)
    np.testing.assert_array_equal(logits, expected)


SNAPSHOT = Snapshot({"best_loss": 0.1 + 0.2}, {"model": [np.arange(6.0).reshape(2, 3)], "best": []})


def saved(folder: Path, epochs: int) -> Checkpoints:
    made = checkpoints(folder)
    for epoch in range(1, epochs + 1):
        progress = {**SNAPSHOT.progress, "epoch": epoch}
        made.save(epoch, replace(SNAPSHOT, progress=progress))
    return made


def test_the_newest_two_are_kept_and_come_back_whole(tmp_path: Path) -> None:
    saved(tmp_path, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "epoch-00003.checkpoint",
        "epoch-00004.checkpoint",
    ]
    found = checkpoints(tmp_path)
    snapshot = found.load()
    assert snapshot is not None
    assert snapshot.progress == {"best_loss": 0.1 + 0.2, "epoch": 4}
    np.testing.assert_array_equal(snapshot.variables["model"][0], [[0, 1, 2], [3, 4, 5]])
    assert snapshot.variables["best"] == []
    assert found.spent == ResourceUsage(2.0, 100.0)


def test_what_attempts_have_used_is_summed(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        attempt = checkpoints(tmp_path)
        attempt.load()
        attempt.save(epoch, SNAPSHOT)
    assert attempt.spent == ResourceUsage(4.0, 100.0)
    assert attempt.spent.and_then(ResourceUsage(1.0, 120.0, 7.0)) == ResourceUsage(5.0, 120.0, 7.0)


def test_any_damage_falls_back_to_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved(tmp_path, 2)
    newest = tmp_path / "epoch-00002.checkpoint"
    whole = newest.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        place = int(rng.integers(len(whole)))
        if place == 64:  # the line feed says nothing
            continue
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        for damaged in (bytes(flipped), whole[:place]):
            newest.write_bytes(damaged)
            snapshot = checkpoints(tmp_path).load()
            assert snapshot is not None
            assert snapshot.progress["epoch"] == 1
    assert "epoch-00002.checkpoint cannot be used" in caplog.text
    (tmp_path / "epoch-00001.checkpoint").write_bytes(b"")
    assert checkpoints(tmp_path).load() is None


def test_one_that_cannot_be_read_ends_the_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To go on from the one before would train again, and remove the newer one, which is sound."""
    saved(tmp_path, 2)
    opened = Path.open

    def failing(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "epoch-00002.checkpoint":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(OSError, match=r"Input/output error.*epoch-00002.checkpoint"):
        checkpoints(tmp_path).load()


def test_one_of_another_version_is_left_alone(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    assert checkpoints(tmp_path, keras="4.0").load() is None
    assert (tmp_path / "epoch-00001.checkpoint").exists()


def test_short_epochs_do_not_write_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "TRAINED_PER_WRITTEN", 20.0)
    made = checkpoints(tmp_path)
    assert made.due
    clock = iter([0.0, 3.0])
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: next(clock))
    made.save(1, SNAPSHOT)
    for now, due in ((4.0, False), (62.9, False), (63.0, True)):
        monkeypatch.setattr(checkpoint.time, "monotonic", lambda now=now: now)
        assert made.due is due

"""Claim: with few training steps, moving averages of BatchNormalization's statistics make a verdict
on a network that statistics computed anew from training images do not.

    python -m benchmarks.batchnorm

Scikit-learn's handwritten digits at 32 px: 45 images of each class to train on, 15 to validate, the
rest to test. From random weights, 15 epochs of 15 steps, Adam at 1e-3, no augmentation. Both arms
train alike and differ in what they validate with.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from benchmarks.measure import QUIET, parser, table
from cifarkit.execution.launchers import ProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import Store
from cifarkit.studies.completion import trial_spec

MODELS = ("resnet8", "resnet14", "mobilenetv2", "efficientnetb0", "densenet121")
KINDS = ("keras", "precise")
PER_CLASS, VALIDATION, SIDE = 60, 0.25, 32


def digits(folder: Path) -> Path:
    """The digits as an `.npz`: the first 60 of each class for training and validation."""
    flat, labels = load_digits(return_X_y=True)
    levels = np.round(flat.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    images = np.stack(
        [
            np.asarray(Image.fromarray(level).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            for level in levels
        ]
    )
    ranks = np.array([np.sum(labels[:row] == label) for row, label in enumerate(labels)])
    train = ranks < PER_CLASS
    path = folder / "digits.npz"
    np.savez(
        path,
        x_train=images[train],
        y_train=labels[train],
        x_test=images[~train],
        y_test=labels[~train],
    )
    return path


def trained(data: Path, model: str, kind: str, seed: int) -> TrialRecord:
    """One trial in a process of its own."""
    spec = trial_spec(
        model=model,
        weights="none",
        dataset=data,
        validation_fraction=VALIDATION,
        image_size=SIDE,
        batch_size=32,
        epochs=15,
        patience=15,
        learning_rate=1e-3,
        augment=False,
        batchnorm=kind,
        seed=seed,
    )
    store = Store(data.parent / "runs")
    run([spec], store, ProcessLauncher(QUIET), work="cifarkit.training.trial:run_trial")
    record = store.read(spec.trial_id)
    if record.result is None:
        raise RuntimeError(f"{model}: {record.state.reason}\n{record.state.log_tail}")
    return record


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--models", nargs="+", default=MODELS)
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data = digits(Path(folder))
        for model in chosen.models:
            for seed in range(chosen.repeats):
                cells = [model, str(seed)]
                for kind in KINDS:
                    result = trained(data, model, kind, seed).result
                    assert result is not None
                    assert result.course is not None
                    cells.append(f"{result.accuracy.validation:.3f}")
                    cells.append(f"{result.accuracy.test:.3f}")
                    cells.append(f"{result.time.fit_seconds:.0f}")
                cells.insert(2, f"{result.course.highest_accuracy:.3f}")
                print("  " + ", ".join(cells), file=sys.stderr, flush=True)
                rows.append(cells)
    header = ["network", "seed", "training, running mean"]
    header += [f"{kind}: {what}" for kind in KINDS for what in ("validation", "test", "fit (s)")]
    table("BatchNormalization with few steps: scikit-learn's digits", header, rows)


if __name__ == "__main__":
    main()

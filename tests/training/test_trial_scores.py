"""What a result says of the kept weights, from logits that are made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cifarkit.datasets.dataset import Splits
from cifarkit.training.fit_result import FitResult
from cifarkit.training.trial_scores import score


def test_the_training_accuracy_is_that_of_the_kept_weights(tmp_path: Path) -> None:
    """3 of 4 training images are right, of which 1 was while learning."""
    images = np.arange(9 * 48, dtype=np.uint16).astype(np.uint8).reshape(9, 4, 4, 3)
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2], np.int32)
    said = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 1, 0, 0, 1, 0]] * 9
    parts = [
        part for rows in np.split(np.arange(9), [4, 6]) for part in (images[rows], labels[rows])
    ]
    splits = Splits(*parts, class_names=("a", "b", "c"))
    fitted = FitResult(
        history=[{"accuracy": 0.25, "validation_accuracy": 0.5, "validation_loss": 1.0}],
        best_epoch=1,
    )

    def logits_of(part: np.ndarray) -> np.ndarray:
        return said[:4] if len(part) == 4 else said[4:6]

    accuracy = score(tmp_path, splits, fitted, logits_of, said[6:]).accuracy
    assert accuracy.train_kept == 3 / 4
    assert accuracy.train == 0.25
    assert accuracy.validation == 0.5
    assert accuracy.test == 2 / 3
    saved = np.load(tmp_path / "predictions.npz")
    assert (saved["validation_predictions"] == saved["validation_labels"]).mean() == 0.5

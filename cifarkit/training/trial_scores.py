"""Scores the trained model of a trial, and saves its predictions."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cifarkit.atomic_write import write_atomically
from cifarkit.datasets.dataset import Splits
from cifarkit.datasets.duplicates import find_repeated
from cifarkit.evaluation.logits import cross_entropy_and_accuracy, softmax
from cifarkit.evaluation.metrics import in_top_k
from cifarkit.store.correctness_bits import packed
from cifarkit.store.records import Accuracy, Duplicates, Hits
from cifarkit.training.fit_result import FitResult
from cifarkit.training.loop import Logits


@dataclass(frozen=True)
class Scores:
    """What a result holds of a model's predictions."""

    accuracy: Accuracy
    hits: Hits
    duplicates: Duplicates


def score(
    folder: Path, splits: Splits, fitted: FitResult, logits_of: Logits, test_logits: np.ndarray
) -> Scores:
    """Score the model on the test images, and write its `predictions.npz` to the folder.

    Args:
        logits_of: From `training.loop.fit`.
        test_logits: (n, outputs) float32, the logits of the test images.
    """
    labels = splits.test_labels
    test_loss, test_accuracy = cross_entropy_and_accuracy(test_logits, labels)
    _write_predictions(folder, test_logits, splits, logits_of(splits.validation_images))
    _, train_accuracy = cross_entropy_and_accuracy(
        logits_of(splits.train_images), splits.train_labels
    )
    predictions = test_logits.argmax(axis=1)
    best = fitted.history[fitted.best_epoch - 1]
    return Scores(
        accuracy=Accuracy(
            train=best["accuracy"],
            train_kept=train_accuracy,
            validation=best["validation_accuracy"],
            test=test_accuracy,
            test_top5=float(in_top_k(labels, test_logits, 5).mean()),
            validation_loss=best["validation_loss"],
            test_loss=test_loss,
        ),
        hits=packed(labels, predictions),
        duplicates=_duplicates(splits, predictions == labels),
    )


def _duplicates(splits: Splits, correct: np.ndarray) -> Duplicates:
    repeated = find_repeated(splits)
    others = correct[~repeated.test]
    return Duplicates(
        test_images=int(repeated.test.sum()),
        validation_images=repeated.validation,
        two_labels=repeated.two_labels,
        accuracy_without=float(others.mean()) if len(others) else None,
    )


def _write_predictions(
    folder: Path, test_logits: np.ndarray, splits: Splits, validation_logits: np.ndarray
) -> None:
    file = io.BytesIO()
    np.savez_compressed(
        file,
        labels=splits.test_labels,
        predictions=test_logits.argmax(axis=1).astype(np.int32),
        probabilities=softmax(test_logits).astype(np.float16),
        validation_labels=splits.validation_labels,
        validation_predictions=validation_logits.argmax(axis=1).astype(np.int32),
    )
    write_atomically(folder / "predictions.npz", file.getvalue())

"""Trials with predictions whose scores can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cifarkit.store.records import Accuracy
from tests.reporting.fabricate import Fabricator, result

COUNTS = np.array(
    [
        [7, 2, 1, 0],
        [3, 6, 0, 1],
        [0, 0, 10, 0],
        [1, 0, 4, 5],
    ]
)
"""40 images, 28 of them right."""
NAMES = ("ant", "bee", "car", "bus")
GROUPS = ("insects", "insects", "vehicles", "vehicles")
OUTPUTS = 6
"""Two more than there are classes."""
SURE = 9
"""The image, the ant taken for a car, that is predicted with 0.9375 in place of 0.75."""


def arrays() -> dict[str, np.ndarray]:
    """What a trial saves, with these counts.

    Every image gives 0.75 to its prediction and the rest to the other outputs alike, but nothing
    to the true class where it is wrong: that one comes sixth. Of image `SURE` it comes second.
    """
    pairs = [(i, j) for (i, j), n in np.ndenumerate(COUNTS) for _ in range(n)]
    labels, predictions = np.array(pairs, np.int32).T
    rows = np.arange(len(labels))
    table = np.full((len(labels), OUTPUTS), 0.05, np.float16)
    table[labels != predictions] = 0.0625
    table[rows, labels] = 0
    table[rows, predictions] = 0.75
    table[SURE] = 0
    table[SURE, predictions[SURE]], table[SURE, labels[SURE]] = 0.9375, 0.0625
    validation = np.array([0, 1, 2, 3, 0], np.int32)
    return {
        "labels": labels,
        "predictions": predictions,
        "probabilities": table,
        "validation_labels": validation,
        "validation_predictions": np.array([0, 1, 2, 3, 1], np.int32),
    }


def trial(
    fabricator: Fabricator,
    *,
    names: Sequence[str] = NAMES,
    groups: Sequence[str] = GROUPS,
    saved: Mapping[str, np.ndarray] | None = None,
    validation: float = 0.8,
    parameters: int = 1000,
    **settings: Any,
) -> str:
    """A complete trial with predictions; its result says what they say."""
    saved = arrays() if saved is None else saved
    given = {"model": "lenet", "dataset": "cifar10", "classes": len(names), "head_outputs": None}
    made = result(
        total_params=parameters,
        test_images=len(saved["labels"]),
        class_names=tuple(names),
        class_groups=tuple(groups),
    )
    accuracy = Accuracy(
        train=0.9,
        validation=validation,
        test=float((saved["labels"] == saved["predictions"]).mean()),
        test_top5=29 / 40,
        validation_loss=1.0,
        test_loss=nll(saved),
    )
    made = made.model_copy(update={"accuracy": accuracy})
    trial_id = fabricator.trial(given | settings, made)
    save(fabricator.store.folder(trial_id) / "predictions.npz", saved)
    return trial_id


def nll(saved: Mapping[str, np.ndarray]) -> float:
    """In nats, of probabilities in 16 bits; 0 counts as the smallest one, 2^-24."""
    own = saved["probabilities"][np.arange(len(saved["labels"])), saved["labels"]]
    return float(-np.log(np.maximum(own.astype(float), 2.0**-24)).mean())


def save(path: Path, saved: Mapping[str, Any]) -> None:
    np.savez_compressed(path, **saved)


def crowd(classes: int, groups: int = 0, seed: int = 0) -> dict[str, np.ndarray]:
    """Predictions of many classes, mostly right, else mostly inside the group."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes, dtype=np.int32), 20)
    scores = generator.normal(0, 1, (len(labels), classes))
    scores[np.arange(len(labels)), labels] += 3
    if groups:
        inside = labels[:, None] % groups == np.arange(classes)[None, :] % groups
        scores = scores + 2 * inside
    table = np.exp(scores)
    table = (table / table.sum(axis=1, keepdims=True)).astype(np.float16)
    return {
        "labels": labels,
        "predictions": table.argmax(axis=1).astype(np.int32),
        "probabilities": table,
    }

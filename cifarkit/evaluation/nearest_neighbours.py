"""Classification by the nearest other images in the space of some features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cifarkit.evaluation.linear_probe import ProbeResult, by_other_half

NEIGHBOURS = (1, 3, 5, 10, 20)
"""Candidates for the number of neighbours."""
_ROWS = 1024


def nearest_neighbours(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    halves: NDArray[np.bool_],
    on_progress: Callable[[int, int], None] = lambda done, count: None,
) -> ProbeResult:
    """Classify each image by the majority of the k other images of highest cosine similarity.

    Between classes of equally many neighbours, the higher sum of similarities decides. Each half's
    k is the one of `NEIGHBOURS` with the fewest errors on the other half.

    Args:
        features: (n, d), finite.
        labels: (n,), 0..classes-1.
        halves: (n,), which of two halves an image is in.
        on_progress: Called with the images done and n.
    """
    x = np.asarray(features, np.float32)
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.float32(1e-12))
    count, classes = len(x), int(labels.max()) + 1
    candidates = tuple(k for k in NEIGHBOURS if k < count)
    most = candidates[-1]
    guesses = np.empty((len(candidates), count), np.int64)
    for start in range(0, count, _ROWS):
        rows = np.arange(start, min(start + _ROWS, count))
        similarity = x[rows] @ x.T
        similarity[np.arange(len(rows)), rows] = -np.inf
        near = np.argpartition(similarity, count - most, axis=1)[:, count - most :]
        close = np.take_along_axis(similarity, near, axis=1)
        order = np.argsort(-close, axis=1, kind="stable")
        near, close = np.take_along_axis(near, order, 1), np.take_along_axis(close, order, 1)
        votes = np.zeros((len(rows), classes))
        for rank in range(most):
            # A sum of at most k similarities within -1..1 never outweighs a vote.
            votes[np.arange(len(rows)), labels[near[:, rank]]] += 1 + close[:, rank] / (
                2 * most + 1
            )
            if rank + 1 in candidates:
                guesses[candidates.index(rank + 1), rows] = votes.argmax(axis=1)
        on_progress(start + len(rows), count)
    return by_other_half(guesses, labels, halves, tuple(map(float, candidates)))

"""Calibration: reliability curve and expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cifarkit.evaluation._inputs import labels_and_probabilities

BINS = 15
"""As in Guo et al. 2017, Table 1."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose confidence lies in (`lower`, `upper`].

    Attributes:
        images: How many; 0 where the two means are None.
        confidence: Their mean confidence, 0..1.
        accuracy: The share of them predicted right, 0..1.
    """

    lower: float
    upper: float
    images: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """The reliability curve and its summary.

    Attributes:
        bins: Equal-width bins covering 0..1, in order.
        expected_error: The expected calibration error (ECE), 0..1: |accuracy - confidence| of
            each bin, weighted by its images.
    """

    bins: tuple[ReliabilityBin, ...]
    expected_error: float


def calibration(labels: ArrayLike, probabilities: ArrayLike) -> Calibration:
    """The reliability curve and the ECE over 15 bins of equal width.

    The confidence of an image is its highest probability, and its prediction the first output
    that has it. Source: Guo, Pleiss, Sun & Weinberger 2017, "On calibration of modern neural
    networks", ICML, equation 3; a bin holds its upper edge and not its lower one.

    Args:
        labels: (n,) int.
        probabilities: (n, outputs) float16, float32 or float64.

    Raises:
        InvalidInput: The arrays are inconsistent.
    """
    right, table = labels_and_probabilities(labels, probabilities)
    where, confidence, correct = binned(right, table)
    edges = np.linspace(0, 1, BINS + 1)
    images = np.bincount(where, minlength=BINS)
    confidences = np.bincount(where, weights=confidence, minlength=BINS)
    hits = np.bincount(where, weights=correct, minlength=BINS)
    bins = tuple(
        ReliabilityBin(
            lower=float(edges[i]),
            upper=float(edges[i + 1]),
            images=int(images[i]),
            confidence=float(confidences[i] / images[i]) if images[i] else None,
            accuracy=float(hits[i] / images[i]) if images[i] else None,
        )
        for i in range(BINS)
    )
    return Calibration(bins, float(np.abs(hits - confidences).sum() / right.size))


def binned(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """The bin, the confidence and the correctness of each image, all (n,)."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, BINS + 1)
    return np.searchsorted(edges, confidence, side="left").clip(1) - 1, confidence, correct

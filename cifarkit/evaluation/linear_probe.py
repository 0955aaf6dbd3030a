"""A linear probe of fixed features, scored on every image by leave-one-out cross-validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarkit.errors import InvalidInput

PENALTIES = tuple(float(10**exponent) for exponent in np.linspace(-3, 3, 13))
"""Candidates for the ridge penalty, for each image and in units of a feature's variance."""


@dataclass(frozen=True)
class ProbeResult:
    """Predictions for images that the probe was not fitted to.

    Attributes:
        predictions: (n,) int, the predicted class of each image.
        chosen: What cross-validation chose for the images of either half: a penalty or a number of
            neighbours.
    """

    predictions: NDArray[np.int64]
    chosen: tuple[float, float]


def linear_probe(
    features: NDArray[np.floating], labels: NDArray[np.integer], halves: NDArray[np.bool_]
) -> ProbeResult:
    """Classify each image by a linear model of the features of all the others.

    Least squares on one-hot labels, with a ridge penalty; features are standardized, the intercept
    is not penalized. The predictions are exactly those of n fits that leave out one image each, in
    the closed form of Rifkin & Lippert 2007, "Notes on regularized least squares",
    MIT-CSAIL-TR-2007-025, section 3. The penalty of an image is the one of `PENALTIES` that
    misclassifies the fewest images of the other half, the strongest of equals, so that no image
    has a part in choosing the penalty it is scored with.

    Args:
        features: (n, d), finite.
        labels: (n,), 0..classes-1; two images of each class at least.
        halves: (n,), which of two halves an image is in.

    Raises:
        InvalidInput: A feature is not finite.
    """
    guesses = np.array([scores.argmax(axis=1) for scores in _left_out_scores(features, labels)])
    return by_other_half(guesses, labels, halves, PENALTIES)


def by_other_half(
    guesses: NDArray[np.integer],
    labels: NDArray[np.integer],
    halves: NDArray[np.bool_],
    candidates: tuple[float, ...],
) -> ProbeResult:
    """For each half the predictions of the candidate with the fewest errors on the other half.

    Args:
        guesses: (candidates, n), the predicted classes; of equal candidates the last is taken.
    """
    predictions = np.empty(len(labels), np.int64)
    chosen = []
    for half in (False, True):
        errors = (guesses[:, halves != half] != labels[halves != half]).sum(axis=1)
        best = len(errors) - 1 - int(np.argmin(errors[::-1]))
        predictions[halves == half] = guesses[best, halves == half]
        chosen.append(candidates[best])
    return ProbeResult(predictions, (chosen[0], chosen[1]))


def _left_out_scores(
    features: NDArray[np.floating], labels: NDArray[np.integer]
) -> Iterator[NDArray[np.float64]]:
    """For each penalty (n, classes): each image's scores by the fit to all others."""
    x = np.asarray(features, np.float64)
    if not np.isfinite(x).all():
        raise InvalidInput("some features are not finite numbers")
    x = x - x.mean(axis=0)
    spread = x.std(axis=0)
    x = x[:, spread > 1e-6 * max(float(spread.max(initial=0.0)), 1e-12)]
    x /= x.std(axis=0)
    count = len(x)
    targets = np.eye(int(labels.max()) + 1)[labels]
    centred = targets - targets.mean(axis=0)
    left, powers = _left_singular(x)
    projected = left.T @ centred
    for penalty in PENALTIES:
        kept = powers / (powers + penalty * count)
        residuals = centred - left @ (kept[:, None] * projected)
        leverage = 1 / count + np.einsum("ij,j,ij->i", left, kept, left)
        yield targets - residuals / np.maximum(1 - leverage, 1e-12)[:, None]


def _left_singular(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The left singular vectors of x, (n, rank), and the squares of its singular values."""
    wide = x.shape[1] > x.shape[0]
    powers, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    real = powers > 1e-10 * max(float(powers.max(initial=0.0)), 1e-300)
    powers, vectors = powers[real], vectors[:, real]
    return (vectors if wide else (x @ vectors) / np.sqrt(powers)), powers

"""Accuracy and its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cifarkit.errors import InvalidInput
from cifarkit.evaluation._inputs import labels_and_predictions, labels_and_probabilities


@dataclass(frozen=True)
class Interval:
    """A 95% confidence interval, `low <= high`, in the unit of the estimate."""

    low: float
    high: float


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The share of images whose class was predicted, 0..1.

    Args:
        labels: (n,) int, the true classes.
        predictions: (n,) int, the predicted outputs; one that is no class is an error.

    Raises:
        InvalidInput: The arrays are inconsistent.
    """
    right, guessed = labels_and_predictions(labels, predictions)
    return float(np.mean(right == guessed))


def top_k_accuracy(labels: ArrayLike, probabilities: ArrayLike, k: int) -> float:
    """The share of images whose class is among the k outputs of highest probability, 0..1.

    Outputs of equal probability rank by their number, the lowest first, as in `argmax`; k = 1 is
    the accuracy of `argmax`. In float16 such ties are common among small probabilities.

    Args:
        labels: (n,) int.
        probabilities: (n, outputs) float16, float32 or float64.
        k: At least 1; with k >= outputs the result is 1.

    Raises:
        InvalidInput: The arrays do not fit together, or k < 1.
    """
    if k < 1:
        raise InvalidInput(f"top-k accuracy: expected k of at least 1, got {k}")
    return float(np.mean(in_top_k(*labels_and_probabilities(labels, probabilities), k)))


def in_top_k(
    labels: NDArray[np.integer], scores: NDArray[np.floating], k: int
) -> NDArray[np.bool_]:
    """Whether each image's class is among its k highest scores, (n,); ties as in `argmax`.

    Args:
        labels: (n,), each one of the outputs.
        scores: (n, outputs), probabilities or logits.
    """
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    before = np.arange(scores.shape[1]) < labels[:, None]
    rank = np.count_nonzero((scores > own) | ((scores == own) & before), axis=1)
    in_top: NDArray[np.bool_] = rank < k
    return in_top


def wilson_interval(correct: float, images: int, family: int = 1) -> Interval:
    """The 95% score interval of an accuracy, within 0..1 and of sound width at 0 and 1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 209-212.

    Args:
        correct: Images predicted right, 0..`images`; a mean over runs need not be whole. The
            interval is then of the images alone, as though those runs were the only ones.
        images: Independent images, at least 1. Several runs on the same images do not add up.
        family: How many intervals hold together with 95% (Bonferroni).

    Raises:
        InvalidInput: `images` < 1, or `correct` lies outside 0..`images`.
    """
    if images < 1 or not 0 <= correct <= images:
        raise InvalidInput(f"an accuracy is of 0..n out of n > 0 images, got {correct} of {images}")
    share = correct / images
    z = NormalDist().inv_cdf(1 - 0.025 / family)
    shrink = 1 + z**2 / images
    centre = (share + z**2 / (2 * images)) / shrink
    half = z / shrink * sqrt(share * (1 - share) / images + z**2 / (4 * images**2))
    # The formula gives exactly 0 and 1 at the ends, up to rounding.
    low = 0.0 if correct == 0 else max(0.0, centre - half)
    high = 1.0 if correct == images else min(1.0, centre + half)
    return Interval(low, high)

"""Metrics of a network that are computed from its score on each image, and their bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cifarkit.evaluation._inputs import labels_and_predictions, labels_and_probabilities
from cifarkit.evaluation.calibration import BINS, binned
from cifarkit.evaluation.class_scores import balanced_interval, class_means
from cifarkit.evaluation.metrics import Interval

REPLICATES = 1000
"""Of the bootstrap."""


@dataclass(frozen=True, eq=False)
class ImageScores:
    """What the metrics of a network take from each of n images.

    Attributes:
        labels, predictions: (n,) int64; a prediction of `classes` is no class.
        losses: (n,) Negative log-likelihoods in nats: -ln of the true class's probability. None
            without probabilities, as are the following ones.
        squares: (n,) Brier scores: the squared distance, 0..2, of the probabilities from 1 for the
            true class and 0 for the others.
        confidence: (n,) The highest probability of each image.
        bins, gaps: (n,) The confidence's bin, and (1 if right, else 0) less the confidence.
        zeros: Images whose true class has probability 0, counted as the smallest positive number
            of the probabilities' type.
    """

    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    classes: int
    losses: NDArray[np.float64] | None = None
    squares: NDArray[np.float64] | None = None
    confidence: NDArray[np.float64] | None = None
    bins: NDArray[np.int64] | None = None
    gaps: NDArray[np.float64] | None = None
    zeros: int = 0

    def metrics(self, chosen: NDArray[np.int64] | slice = slice(None)) -> dict[str, float]:
        """`balanced_accuracy`, `macro_f1`; with probabilities `nll`, `brier` and `ece`.

        Args:
            chosen: The images to compute them of, which may repeat; all by default.
        """
        labels, predictions = self.labels[chosen], self.predictions[chosen]
        n = self.classes
        images, predicted, correct = (
            np.bincount(values, minlength=n + 1)[:n]
            for values in (labels, predictions, labels[labels == predictions])
        )
        found = dict(
            zip(
                ("balanced_accuracy", "macro_f1"),
                class_means(images, predicted, correct),
                strict=True,
            )
        )
        if self.losses is not None and self.squares is not None:
            found["nll"] = float(self.losses[chosen].mean())
            found["brier"] = float(self.squares[chosen].mean())
        if self.bins is not None and self.gaps is not None:
            sums = np.bincount(self.bins[chosen], weights=self.gaps[chosen], minlength=BINS)
            found["ece"] = float(np.abs(sums).sum() / len(labels))
        return found


def image_scores(
    labels: ArrayLike, predictions: ArrayLike, classes: int, probabilities: ArrayLike | None
) -> ImageScores:
    """The scores of each image.

    Sources: Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly
    Weather Review 78, 1-3; Guo et al. 2017 for the ECE (`calibration`).

    Args:
        labels: (n,) int, 0..classes-1.
        predictions: (n,) int; those of `classes` and above are no class.
        probabilities: (n, outputs) float16, float32 or float64, if there are any.

    Raises:
        InvalidInput: The arrays do not fit together.
    """
    right, guessed = labels_and_predictions(labels, predictions)
    guessed = np.minimum(guessed, classes)
    if probabilities is None:
        return ImageScores(right, guessed, classes)
    _, table = labels_and_probabilities(labels, probabilities)
    own = np.take_along_axis(table, right[:, None], axis=1)[:, 0]
    smallest = float(np.finfo(np.asarray(probabilities).dtype).smallest_subnormal)
    bins, confidence, correct = binned(right, table)
    return ImageScores(
        right,
        guessed,
        classes,
        losses=-np.log(np.maximum(own, smallest)),
        squares=np.einsum("ij,ij->i", table, table) - 2 * own + 1,
        confidence=confidence,
        bins=bins,
        gaps=correct - confidence,
        zeros=int(np.count_nonzero(own == 0)),
    )


def bootstrap_intervals(scores: ImageScores) -> dict[str, Interval]:
    """95% intervals of the metrics for other images of the same kind, the network fixed.

    Balanced accuracy has `balanced_interval`, the others percentiles of the metrics of 1,000
    resamples of the images, the same at every call. One that no resample changes (macro F1 without
    an error) has no interval. The ECE is biased upwards on few images, and on a resample again, so
    that percentiles alone miss a small true one nearly always: its interval is the hull of the
    percentile and the basic interval (2 estimate - percentile), which mirrors that bias. Its lower
    end is 0 where the ECE is not significantly above that of a calibrated network (consistency
    resampling, Bröcker & Smith 2007, "Increasing the reliability of reliability diagrams", Weather
    and Forecasting 22, 651-661).

    Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", chapter 13.
    """
    images = len(scores.labels)
    rng = np.random.default_rng(0)
    observed = scores.metrics()
    drawn = [scores.metrics(rng.integers(images, size=images)) for _ in range(REPLICATES)]
    intervals = {}
    for name, value in observed.items():
        if name == "balanced_accuracy":
            right = scores.labels[scores.labels == scores.predictions]
            counts = (
                np.bincount(found, minlength=scores.classes) for found in (scores.labels, right)
            )
            intervals[name] = balanced_interval(*counts)
            continue
        low, high = np.quantile([one[name] for one in drawn], (0.025, 0.975)).tolist()
        if name == "ece":
            low, high = min(low, 2 * value - high), max(high, 2 * value - low)
            low = 0.0 if value <= _calibrated_ece(scores, rng) else max(0.0, low)
        if low < high:
            intervals[name] = Interval(low, high)
    return intervals


def _calibrated_ece(scores: ImageScores, rng: np.random.Generator) -> float:
    """The ECE that a calibrated network of these confidences exceeds with probability 2.5%."""
    bins, confidence = scores.bins, scores.confidence
    assert bins is not None
    assert confidence is not None
    drawn = []
    for _ in range(REPLICATES):
        right = rng.random(len(bins)) < confidence
        sums = np.bincount(bins, weights=right - confidence, minlength=BINS)
        drawn.append(np.abs(sums).sum() / len(bins))
    return float(np.quantile(drawn, 0.975))

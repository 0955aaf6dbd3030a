"""Precision, recall and F1 of each class, with simultaneous intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarkit.evaluation.confusion import Confusion
from cifarkit.evaluation.metrics import Interval, wilson_interval


@dataclass(frozen=True)
class Estimate:
    """A share, 0..1, with a 95% interval."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class ClassScore:
    """One class, with its images, the images predicted as it, and those that are both.

    Attributes:
        recall: The share of its images predicted right; None without images.
        precision: The share of right ones among the images predicted as it; None without any.
        f1: The harmonic mean of both; None without images.
    """

    label: int
    images: int
    predicted: int
    correct: int
    recall: Estimate | None
    precision: Estimate | None
    f1: Estimate | None


def class_scores(found: Confusion) -> tuple[ClassScore, ...]:
    """The scores of each class, by label.

    The intervals of one quantity hold for all classes at once with 95% (Bonferroni over the
    classes with an image or a prediction). They are Wilson's; F1's is Wilson's of the Jaccard
    index J = TP / (TP + FP + FN), a share of the images that are of the class or predicted as it,
    mapped by F1 = 2J / (1 + J).

    Source: Hand, Christen & Kirielle 2021, "F*: an interpretable transformation of the F-measure",
    Machine Learning 110, 451-456, for J.
    """
    rows = list(
        zip(found.images.tolist(), found.predicted.tolist(), found.correct.tolist(), strict=True)
    )
    family = sum(1 for images, predicted, _ in rows if images or predicted)

    def share(part: int, whole: int) -> Estimate | None:
        return Estimate(part / whole, wilson_interval(part, whole, family)) if whole else None

    scores = []
    for label, (images, predicted, correct) in enumerate(rows):
        jaccard = share(correct, images + predicted - correct) if images else None
        f1 = None
        if jaccard is not None:
            low, high = jaccard.interval.low, jaccard.interval.high
            interval = Interval(2 * low / (1 + low), 2 * high / (1 + high))
            f1 = Estimate(2 * correct / (images + predicted), interval)
        recall, precision = share(correct, images), share(correct, predicted)
        scores.append(ClassScore(label, images, predicted, correct, recall, precision, f1))
    return tuple(scores)


def class_means(
    images: NDArray[np.int64], predicted: NDArray[np.int64], correct: NDArray[np.int64]
) -> tuple[float, float]:
    """Balanced accuracy and macro F1: the means of recall and F1 over the classes with images.

    Args:
        images, predicted, correct: (classes,) By label; at least one class has images.
    """
    some = images > 0
    recall = correct[some] / images[some]
    f1 = 2 * correct[some] / (images[some] + predicted[some])
    return float(recall.mean()), float(f1.mean())


def balanced_interval(images: NDArray[np.int64], correct: NDArray[np.int64]) -> Interval:
    """The 95% interval of balanced accuracy: Wilson's, for the effective number of images.

    That number n gives a share p the variance p (1 - p) / n of the mean of recalls. The recalls of
    small classes are uncertain, so it is at most what it would be if all recalls were equal, and
    the interval has a width where every image was predicted right.

    Source: Korn & Graubard 1998, "Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data", Survey Methodology 24, 193-201.

    Args:
        images, correct: (classes,) By label; at least one class has images.
    """
    some = images > 0
    whole, recall = images[some], correct[some] / images[some]
    classes, mean = len(whole), float(recall.mean())
    effective = classes**2 / float((1 / whole).sum())
    variance = float((recall * (1 - recall) / whole).sum()) / classes**2
    if variance:
        effective = min(effective, mean * (1 - mean) / variance)
    # Wilson's interval takes whole numbers of images.
    images_counted = max(1, int(effective))
    return wilson_interval(mean * images_counted, images_counted)

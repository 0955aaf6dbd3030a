"""The most confident errors on test images, and their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cifarkit.datasets import registry as dataset_registry
from cifarkit.errors import InvalidInput
from cifarkit.reporting.evaluation_scores import Scores
from cifarkit.store.records import TrialRecord

if TYPE_CHECKING:
    from cifarkit.datasets.dataset import ImageDataset


@dataclass(frozen=True)
class Mistake:
    """A test image and what was predicted for it, usually wrongly.

    Attributes:
        image: Its number among the test images, from 0.
        label, predicted: The true class, and the output that was preferred (perhaps no class).
        confidence: That output's probability, 0..1; None without probabilities.
    """

    image: int
    label: int
    predicted: int
    confidence: float | None


class ImagesUnavailable(Exception):
    """The images of a trial cannot be shown; the message is a clause without a path."""


def mistakes(scores: Scores, count: int) -> tuple[Mistake, ...]:
    """Up to `count` of the most confident errors, the most confident first; none without
    probabilities."""
    if scores.calibration is None:
        return ()
    saved = scores.predictions
    return _by_confidence(scores, saved.predictions != saved.labels)[:count]


def mistakes_of_pair(scores: Scores, label: int, predicted: int) -> tuple[Mistake, ...]:
    """All images of one class that were taken for another, the most confident first.

    Without probabilities they are in the images' order.
    """
    saved = scores.predictions
    return _by_confidence(scores, (saved.labels == label) & (saved.predictions == predicted))


def _by_confidence(scores: Scores, chosen: npt.NDArray[np.bool_]) -> tuple[Mistake, ...]:
    found = chosen_images(scores, np.flatnonzero(chosen))
    if scores.predictions.probabilities is None:
        return found
    return tuple(sorted(found, key=lambda one: -(one.confidence or 0.0)))  # stable


def chosen_images(scores: Scores, images: npt.NDArray[np.int64]) -> tuple[Mistake, ...]:
    """Some test images, right or wrong, in this order."""
    saved = scores.predictions
    labels, predictions = saved.labels[images], saved.predictions[images]
    confidence = None
    if saved.probabilities is not None:
        confidence = saved.probabilities[images, predictions].astype(np.float64)
    return tuple(
        Mistake(*numbers, confidence=None if confidence is None else float(confidence[at]))
        for at, numbers in enumerate(
            zip(images.tolist(), labels.tolist(), predictions.tolist(), strict=True)
        )
    )


def pixels(
    record: TrialRecord, labels: npt.NDArray[np.int64], images: list[int]
) -> npt.NDArray[np.uint8]:
    """Some of a trial's test images, `(images, height, width, 3)` RGB.

    Args:
        record: The trial.
        labels: (n,) The true classes of all its test images: what is loaded must have the same.
        images: Their numbers among the test images.

    Raises:
        ImagesUnavailable: The data is missing, unusable, or has changed since the trial.
    """
    return np.ascontiguousarray(test_data(record, labels).test_images[images])


def test_data(record: TrialRecord, labels: npt.NDArray[np.int64]) -> ImageDataset:
    """A trial's data with its test images; arguments and errors are those of `pixels`."""
    from cifarkit.datasets.dataset import select_classes
    from cifarkit.datasets.registry import load

    data = record.spec.data
    try:
        if dataset_registry.missing(data.dataset, data.location):
            raise ImagesUnavailable("the data set is not on this machine")
        if data.identified_by_sizes:
            raise ImagesUnavailable(
                "the trial identified its images by names and sizes only, so that those of today "
                "may be others"
            )
        loaded = load(data.dataset, data.location, image_size=record.spec.model.image_size)
        if loaded.fingerprint != data.fingerprint:
            raise ImagesUnavailable("the data set has changed since the trial ran")
        # The validation split does not affect the test part.
        chosen = select_classes(loaded, data.classes, data.class_seed, data.class_names)
    except (InvalidInput, OSError):
        raise ImagesUnavailable("the data set is missing or unusable on this machine") from None
    if not np.array_equal(chosen.test_labels, labels):
        raise ImagesUnavailable("the data set has other test images than those that were scored")
    return chosen

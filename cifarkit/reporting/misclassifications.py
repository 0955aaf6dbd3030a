"""The most confident errors on test images, and their pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cifarkit.datasets import registry as dataset_registry
from cifarkit.errors import InvalidInput
from cifarkit.evaluation.confusion import worst
from cifarkit.reporting.evaluation_result import Scores
from cifarkit.store.records import TrialRecord


@dataclass(frozen=True)
class Mistake:
    """A misclassified test image.

    Attributes:
        image: Its number among the test images, from 0.
        label, predicted: The true class, and the output that was preferred (perhaps no class).
        confidence: That output's probability, 0..1.
    """

    image: int
    label: int
    predicted: int
    confidence: float


class NotAtHand(Exception):
    """The images of a trial cannot be shown; the message is a clause without a path."""


def mistakes(scores: Scores, count: int) -> tuple[Mistake, ...]:
    """Up to `count` of the most confident errors, the most confident first."""
    saved = scores.predictions
    # Probabilities rounded to float16 may tie although the network's did not: an image that was
    # predicted right is never an error.
    candidates = worst(saved.labels, saved.probabilities, len(saved.labels))
    wrong = candidates[saved.predictions[candidates] != saved.labels[candidates]]
    return tuple(
        Mistake(
            image=image,
            label=int(saved.labels[image]),
            predicted=int(saved.predictions[image]),
            confidence=float(saved.probabilities[image].max()),
        )
        for image in wrong[: max(count, 0)].tolist()
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
        NotAtHand: The data is not on this machine, unusable, or no longer what the trial saw.
    """
    from cifarkit.datasets.dataset import load, select_classes

    data = record.spec.data
    try:
        if dataset_registry.missing(data.dataset, data.location):
            raise NotAtHand("the data set is not on this machine")
        if data.identified_by_sizes:
            raise NotAtHand(
                "the trial identified its images by names and sizes only, so that those of today "
                "may be others"
            )
        loaded = load(data.dataset, data.location, image_size=record.spec.model.image_size)
        if loaded.fingerprint != data.fingerprint:
            raise NotAtHand("the data set has changed since the trial ran")
        # The validation split does not affect the test part.
        chosen = select_classes(
            loaded,
            data.classes,
            data.class_seed,
            data.class_names,
        )
    except (InvalidInput, OSError):
        raise NotAtHand("the data set is missing or unusable on this machine") from None
    if not np.array_equal(chosen.test_labels, labels):
        raise NotAtHand("the data set here has other test images than those that were scored")
    return np.ascontiguousarray(chosen.test_images[images])

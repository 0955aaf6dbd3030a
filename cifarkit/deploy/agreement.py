"""Runs an exported model on its trial's test images and compares with the trial's predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.deploy.runtimes import Runtime
from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.store.fields import SCHEMA_VERSION, Count, Share, StoredRecord, Version
from cifarkit.store.predictions import Predictions

TOLERANCE, QUANTIZED_TOLERANCE = 0.01, 0.05
_BATCH = 32


class Agreement(StoredRecord):
    """`agreement.json`: an exported model against its trial, on the same test images.

    Attributes:
        images: Compared test images; if there are none, nothing below is known.
        of: Test images of the trial.
        accuracy: The exported model's.
        trial_accuracy: The trial's, of its saved predictions.
        equal_labels: The share of images to which both give the same class.
        largest_difference: Of any probability. The trial's are saved in 16 bits, which alone makes
            up to 0.00025.
        mean_difference: The mean over the images of the largest.
        tolerance: The most that was accepted: of `largest_difference`, or of a quantized model, of
            the share of other classes.
        quantized: Whether the model is.
    """

    schema_version: Version = SCHEMA_VERSION
    images: Count
    of: Count
    accuracy: Share | None = None
    trial_accuracy: Share | None = None
    equal_labels: Share | None = None
    largest_difference: float | None = None
    mean_difference: float | None = None
    tolerance: float
    quantized: bool

    @property
    def accepted(self) -> bool:
        if self.equal_labels is None or self.largest_difference is None:
            return True
        off = 1 - self.equal_labels if self.quantized else self.largest_difference
        return off <= self.tolerance

    @property
    def sentences(self) -> list[str]:
        """What was compared, for the user."""
        if not self.images:
            return ["Not compared with the trial: no test images were asked for."]
        which = "all" if self.images == self.of else "evenly drawn"
        return [
            f"Run on {self.images:,} of {self.of:,} test images ({which}): accuracy "
            f"{self.accuracy:.4f}, the trial's {self.trial_accuracy:.4f}; the same class for "
            f"{self.equal_labels:.2%} of them; largest difference of a probability "
            f"{self.largest_difference:.2g}, on average {self.mean_difference:.2g}."
        ]


def rows(images: int, most: int | None) -> npt.NDArray[np.int64]:
    """The numbers of at most so many images, evenly spread."""
    if most is None or most >= images:
        return np.arange(images)
    return np.linspace(0, images, most, endpoint=False).astype(np.int64)


def compare(
    runtime: Runtime,
    test_images: Any,
    saved: Predictions,
    *,
    most: int | None,
    tolerance: float,
    quantized: bool,
) -> Agreement:
    """Run a model on test images.

    Args:
        test_images: (n, height, width, 3) uint8, in the order of the trial's predictions.
        saved: The trial's.
        most: How many images are compared, 1 or more; None for all.

    Raises:
        InvalidInput: The trial saved no probabilities of these images.
        CifarkitError: The model gives what is no probability.
    """
    if saved.probabilities is None or len(saved.labels) != len(test_images):
        raise InvalidInput(
            f"the trial saved predictions of {len(saved.labels):,} images, and there are "
            f"{len(test_images):,} test images"
        )
    chosen = rows(len(test_images), most)
    found = np.concatenate(
        [
            runtime(np.asarray(test_images[chosen[start : start + _BATCH]]))
            for start in range(0, len(chosen), _BATCH)
        ]
    )
    if not np.isfinite(found).all():
        raise CifarkitError("the exported model gives probabilities that are not finite")
    largest = np.abs(found - saved.probabilities[chosen].astype(np.float32)).max(axis=1)
    labels, classes = saved.labels[chosen], found.argmax(axis=1)
    return Agreement(
        images=len(chosen),
        of=len(test_images),
        accuracy=float((classes == labels).mean()),
        trial_accuracy=float((saved.predictions[chosen] == labels).mean()),
        equal_labels=float((classes == saved.predictions[chosen]).mean()),
        largest_difference=float(largest.max()),
        mean_difference=float(largest.mean()),
        tolerance=tolerance,
        quantized=quantized,
    )

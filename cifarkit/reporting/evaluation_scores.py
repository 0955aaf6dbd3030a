"""The evaluation of one network, computed from its saved predictions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.calibration import Calibration, calibration
from cifarkit.evaluation.confusion import Confusion, confusion
from cifarkit.evaluation.image_scores import ImageScores, bootstrap_intervals, image_scores
from cifarkit.evaluation.metrics import Interval, accuracy, top_k_accuracy, wilson_interval
from cifarkit.evaluation.superclasses import Superclasses, superclasses
from cifarkit.reporting.arm_results import trouble
from cifarkit.reporting.table_columns import TOP_FROM_CLASSES
from cifarkit.store import prediction_files
from cifarkit.store import predictions as saved
from cifarkit.store.predictions import Predictions
from cifarkit.store.records import TrialRecord
from cifarkit.text import shortened

TOP = 5
LONGEST_NAME = 60
"""The longest class name shown: a folder's name may have any length."""


@dataclass(frozen=True)
class Share:
    """The number of images predicted right, and of all images."""

    right: int
    images: int

    @property
    def accuracy(self) -> float:
        return self.right / self.images

    @property
    def interval(self) -> Interval:
        return wilson_interval(self.right, self.images)


@dataclass(frozen=True, eq=False)
class Scores:
    """The evaluation of one network on its test images.

    Attributes:
        name: For files and labels: letters, digits, dashes.
        record: The trial; None of a predictions file that stands alone.
        class_names: By label, exactly as stored; numbers where no names are known.
        named: Whether `class_names` are names and not numbers.
        class_groups: By label; empty unless they divide the classes into groups of several.
        images: What the metrics take from each image.
        calibration: None without probabilities.
        top5: None without probabilities, or with ten classes or fewer.
        validation: None where nothing was kept of it.
        groups: None without class groups.
    """

    name: str
    record: TrialRecord | None
    predictions: Predictions
    class_names: tuple[str, ...]
    class_groups: tuple[str, ...]
    named: bool
    confusion: Confusion
    images: ImageScores
    calibration: Calibration | None
    top1: Share
    top5: Share | None
    validation: Share | None
    groups: Superclasses | None

    def shown(self, label: int) -> str:
        """The name of a class in documents."""
        return shown(self.class_names[label])

    @cached_property
    def metrics(self) -> dict[str, float]:
        """See `ImageScores.metrics`."""
        return self.images.metrics()

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """95% intervals of `metrics`."""
        return bootstrap_intervals(self.images)

    @property
    def without_images(self) -> list[int]:
        """The classes without a test image, by label."""
        return [label for label, images in enumerate(self.confusion.images) if not images]


def of_trial(record: TrialRecord) -> Scores:
    """The scores of a complete trial.

    Raises:
        InvalidInput: It is not complete, or its predictions are missing, damaged or not its own.
    """
    result = record.result
    if not record.complete or result is None:
        raise InvalidInput(
            f"trial {record.trial_id} is not complete (its status is "
            f"{record.state.status.value}): {trouble(record)}"
        )
    path = record.folder / saved.FILE
    read = saved.of_trial(record)
    if len(read.labels) != result.test_images:
        raise InvalidInput(
            f"{path} is of {len(read.labels):,} images, but the trial was tested on "
            f"{result.test_images:,}"
        )
    name = f"trial-{record.trial_id}"
    return _scored(path, name, record, read, result.class_names, result.class_groups)


def of_file(
    path: Path, class_names: Sequence[str] = (), class_groups: Sequence[str] = ()
) -> Scores:
    """The scores of a file of predictions (see `store.prediction_files`).

    Args:
        path: The file.
        class_names: The classes by label, where the file does not name them.
        class_groups: Their superclasses, by label.

    Raises:
        InvalidInput: The file is missing or damaged, or does not fit the classes.
    """
    read = prediction_files.read(path, class_names)
    outputs = 0 if read.probabilities is None else read.probabilities.shape[1]
    classes = max(outputs, int(read.labels.max()) + 1, int(read.predictions.max()) + 1)
    names = read.class_names or tuple(map(str, range(classes)))
    slug = re.sub("[^A-Za-z0-9]+", "-", path.stem).strip("-")
    return _scored(path, slug or "predictions", None, read, names, tuple(class_groups))


def of_predictions(found: Predictions, name: str) -> Scores:
    """The scores of predictions that a trained network made of other images.

    Args:
        found: With their `class_names`, by output.
        name: As in `Scores`.
    """
    return _scored(Path(name), name, None, found, found.class_names, ())


def shown(name: str) -> str:
    """A stored name for display: one plain line, shortened."""
    return shortened(name, LONGEST_NAME) or "(no name)"


def _scored(
    path: Path,
    name: str,
    record: TrialRecord | None,
    read: Predictions,
    class_names: tuple[str, ...],
    class_groups: tuple[str, ...],
) -> Scores:
    labels, probabilities, classes = read.labels, read.probabilities, len(class_names)
    # Groups of one class each, or a single group of all, add no information.
    groups = class_groups if 1 < len(set(class_groups)) < classes else ()
    try:
        found = confusion(labels, read.predictions, classes)
        images = image_scores(labels, read.predictions, classes, probabilities)
        calibrated = None if probabilities is None else calibration(labels, probabilities)
        grouped = superclasses(found, groups) if groups else None
        top5 = None
        if probabilities is not None and classes >= TOP_FROM_CLASSES:
            share = top_k_accuracy(labels, probabilities, TOP)
            top5 = Share(round(share * len(labels)), len(labels))
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None
    return Scores(
        name=name,
        record=record,
        predictions=read,
        class_names=class_names,
        class_groups=groups,
        named=record is not None or bool(read.class_names),
        confusion=found,
        images=images,
        calibration=calibrated,
        top1=Share(int(found.correct.sum()), len(labels)),
        top5=top5,
        validation=_validation(record, read),
        groups=grouped,
    )


def _validation(record: TrialRecord | None, read: Predictions) -> Share | None:
    if read.validation is not None:
        labels = read.validation[0]
        return Share(round(accuracy(*read.validation) * len(labels)), len(labels))
    if record is None or record.result is None or record.result.validation_images < 1:
        return None
    images = record.result.validation_images
    return Share(round(record.result.accuracy.validation * images), images)

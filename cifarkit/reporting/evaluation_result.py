"""The evaluation of one network, computed from its saved predictions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cifarkit.errors import InvalidInput, check_file
from cifarkit.evaluation.calibration import Calibration, calibration
from cifarkit.evaluation.confusion import Confusion, confusion
from cifarkit.evaluation.metrics import Interval, accuracy, top_k_accuracy, wilson_interval
from cifarkit.evaluation.superclasses import Superclasses, superclasses
from cifarkit.reporting.arm_results import trouble
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
        class_groups: By label; empty unless they divide the classes into groups of several.
        top5: None if the network has at most five outputs.
        validation: None where nothing was kept of it.
        groups: None without class groups.
    """

    name: str
    record: TrialRecord | None
    predictions: Predictions
    class_names: tuple[str, ...]
    class_groups: tuple[str, ...]
    confusion: Confusion
    calibration: Calibration
    top1: Share
    top5: Share | None
    validation: Share | None
    groups: Superclasses | None

    def shown(self, label: int) -> str:
        """The name of a class in documents."""
        return shown(self.class_names[label])


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


def of_file(path: Path) -> Scores:
    """The scores of a predictions file without a trial; its classes are numbered.

    Raises:
        InvalidInput: It is missing or damaged.
    """
    check_file(path)
    read = saved.read(path)
    names = tuple(map(str, range(int(read.labels.max()) + 1)))
    slug = re.sub("[^A-Za-z0-9]+", "-", path.stem).strip("-")
    return _scored(path, slug or "predictions", None, read, names, ())


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
        calibrated = calibration(labels, probabilities)
        grouped = superclasses(found, groups) if groups else None
        top5 = None
        if probabilities.shape[1] > TOP:
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
        confusion=found,
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

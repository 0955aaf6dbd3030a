"""Checks of a completed training's loss and accuracy.

A result that fails one of these checks says nothing about the setting, so no conclusion uses it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cifarkit.store.file_io import UnreadableFile, read_history
from cifarkit.store.records import Course, Result, TrialRecord
from cifarkit.text import counted

OVERFIT_GAP = 0.25
"""Minimum gap between training accuracy and a validation accuracy at chance."""
UNTRAINED_SHARE = 0.1
"""Share of the range from chance to 1 within which training accuracy may be luck."""
NOT_FALLEN_SHARE = 0.98
"""A lowest loss above this share of the first one counts as not falling."""
DIVERGED_RATIO = 1.5
"""A loss this many times the first epoch's, and worse than guessing, has diverged."""


@dataclass(frozen=True)
class Finding:
    """A problem of a training.

    Attributes:
        brief: For a table cell.
        clause: For a sentence, after "its" or "their".
        detail: With numbers, after the arm's name and a colon.
    """

    kind: Literal["at chance", "never fell", "diverged", "cut short"]
    brief: str
    clause: str
    detail: str

    @property
    def broken(self) -> bool:
        """Whether the training failed, rather than just ending early."""
        return self.kind != "cut short"


def summarize(rows: Sequence[Mapping[str, Any]], chance: float) -> Course | None:
    """Summarize a history for the checks; None if it is empty.

    Args:
        chance: The accuracy of the best constant guess, 0..1.
    """
    if not rows:
        return None
    losses = [float(row["loss"]) for row in rows]
    return Course(
        first_loss=losses[0],
        lowest_loss=min(losses),
        last_loss=losses[-1],
        highest_accuracy=min(1.0, max(float(row["accuracy"]) for row in rows)),
        chance=chance,
    )


def findings(trial: TrialRecord, axes: Collection[str] = ()) -> list[Finding]:
    """The problems of a complete trial; empty if there are none or it is not complete.

    Args:
        axes: What its study varies: with `epochs` among them, an early end is intended.
    """
    result = trial.result
    if not trial.complete or result is None:
        return []
    course = result.course or _course_of_history(trial, result)
    found = [] if course is None else _course_findings(course, result)
    allowed = trial.spec.train.epochs
    last = trial.spec.train.head_epochs + allowed
    if "epochs" not in axes and not result.stopped_early and result.best_epoch == last:
        brief = f"cut short at {counted(allowed, 'epoch')}"
        clause = f"training was {brief}"
        found.append(
            Finding("cut short", brief, clause, f"training was {brief}, its last epoch is the best")
        )
    return found


def _course_of_history(trial: TrialRecord, result: Result) -> Course | None:
    """For results of the first versions; None if the history cannot be read."""
    try:
        rows = trial.history or tuple(read_history(trial.folder / "history.csv"))
        return summarize(rows, 1 / max(2, len(result.class_names)))
    except (UnreadableFile, LookupError, ValueError):
        return None


def _course_findings(course: Course, result: Result) -> list[Finding]:
    found = []
    classes, validation = max(2, len(result.class_names)), result.accuracy.validation
    guessing = math.log(classes)  # the loss of equal probabilities, in nats
    # One standard deviation above chance, which a network that guesses one class reaches.
    spread = math.sqrt(course.chance * (1 - course.chance) / max(1, result.validation_images))
    # Of mixed images (MixUp, CutMix), accuracy stays low however much is learnt.
    highest = max(course.highest_accuracy, validation)
    learnt = highest > course.chance + UNTRAINED_SHARE * (1 - course.chance)
    if validation <= course.chance + spread and course.highest_accuracy >= validation + OVERFIT_GAP:
        found.append(
            Finding(
                "at chance",
                "validation at chance",
                "validation accuracy is no better than guessing, though training accuracy is",
                f"validation accuracy {validation:.3f} is no better than guessing "
                f"({course.chance:.3f}), while the running mean of training accuracy reached "
                f"{course.highest_accuracy:.3f}",
            )
        )
    if course.last_loss > max(DIVERGED_RATIO * course.first_loss, guessing):
        found.append(
            Finding(
                "diverged",
                "diverged",
                "training diverged",
                f"training diverged: the loss rose from {course.first_loss:.3g} in the first epoch "
                f"to {course.last_loss:.3g} in the last; the learning rate may be too high",
            )
        )
    elif (
        result.epochs_run > 1
        and not learnt
        and course.lowest_loss >= NOT_FALLEN_SHARE * min(course.first_loss, guessing)
    ):
        found.append(
            Finding(
                "never fell",
                "loss never fell",
                "training loss never fell",
                f"the training loss never fell: {course.first_loss:.3g} in the first epoch, "
                f"{course.lowest_loss:.3g} in the best, {guessing:.3g} by guessing",
            )
        )
    return found

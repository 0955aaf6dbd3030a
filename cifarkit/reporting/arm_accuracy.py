"""Which test images the trials of an arm predicted right, and the interval of its accuracy."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.comparison import accuracy_interval
from cifarkit.evaluation.metrics import Interval, wilson_interval
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.store import predictions
from cifarkit.store.correctness_bits import packed, unpacked
from cifarkit.store.records import TrialRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredRuns:
    """An arm's complete trials on the test images of the first of them.

    Attributes:
        runs: By seed, (n,) bool, whether each image was predicted right.
        images: Identifies the images; None if there is no run.
        unread: Ids of the trials of which that is not known.
    """

    runs: dict[int, NDArray[np.bool_]]
    images: Hashable
    unread: tuple[str, ...]


def scored_runs(outcome: ArmResult) -> ScoredRuns:
    runs: dict[int, NDArray[np.bool_]] = {}
    images: Hashable = None
    unread = []
    for trial in outcome.done:
        try:
            right, shown = test_hits(trial)
        except InvalidInput:
            unread.append(trial.trial_id)
            continue
        if images in (None, shown):
            images = shown
            runs[trial.spec.train.seed] = right
    return ScoredRuns(runs, images, tuple(unread))


def test_hits(trial: TrialRecord) -> tuple[NDArray[np.bool_], Hashable]:
    """Which test images were predicted right, and an identifier of the image set.

    Raises:
        InvalidInput: It is neither in the result nor in the predictions.
    """
    result, data = trial.result, trial.spec.data
    hits = result.hits if result is not None else None
    if hits is None:  # result of the first versions
        saved = predictions.of_trial(trial)
        hits = packed(saved.labels, saved.predictions)
    classes = result.class_names if result is not None else ()
    return unpacked(hits), (data.dataset, data.fingerprint, classes, hits.labels_sha256)


def interval(outcome: ArmResult) -> Interval | None:
    """The 95% interval of an arm's test accuracy (`evaluation.comparison.accuracy_interval`).

    None without a run, or if what several runs were right on is not known.
    """
    if len(outcome.results) == 1:
        (result,) = outcome.results
        right = result.accuracy.test * result.test_images
        return wilson_interval(right, result.test_images) if result.test_images else None
    runs = scored_runs(outcome).runs
    return accuracy_interval(runs) if len(runs) > 1 else None


def interval_subject(outcomes: Sequence[ArmResult]) -> str:
    """What the intervals of these arms are of."""
    several = {len(outcome.results) > 1 for outcome in outcomes if outcome.results}
    if several == {True}:
        return "the setting"
    return (
        "the trained model"
        if several == {False}
        else "the setting, or with one seed of the trained model"
    )

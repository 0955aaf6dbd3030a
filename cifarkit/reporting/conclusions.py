"""A study's conclusions from saved predictions, by the tests of `cifarkit.evaluation`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

from cifarkit.errors import InvalidInput
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.tables import axis_heading, row_name
from cifarkit.store import predictions
from cifarkit.store.correctness_bits import packed, unpacked
from cifarkit.store.records import TrialRecord
from cifarkit.text import listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def conclusions(view: StudyView) -> list[str]:
    """Sentences on which arms differ; none if no arm has predictions to compare.

    An arm with a trial that failed a check (`store.training_checks`) is left out, and named. Only
    trials scored on the same test images are compared, as identified by the true labels and the
    list of classes. Splits of the images (the axis `data_seed`) are not compared: no one goes on
    with one of them for its accuracy.
    """
    if view.axes == ("data_seed",):
        return []
    runs: dict[str, dict[int, NDArray[np.bool_]]] = {}
    images: dict[str, Hashable] = {}
    unread = []
    named = _named(view)
    for name, outcome in named.items():
        runs[name] = {}
        images[name] = None
        for trial in outcome.done:
            try:
                correct, shown = test_hits(trial)
            except InvalidInput:
                unread.append(f"{name} (trial {trial.trial_id})")
                continue
            if images[name] in (None, shown):
                images[name] = shown
                runs[name][trial.spec.train.seed] = correct
    if sum(map(bool, runs.values())) < 2:
        return []
    flawed = {name: named[name] for name in runs if any(named[name].findings)}
    excluded = [_no_claim(flawed, every=len(flawed) == len(runs))] if flawed else []
    runs = {name: run for name, run in runs.items() if name not in flawed}
    if sum(map(bool, runs.values())) < 2:
        left = [name for name, run in runs.items() if run]
        return [*excluded, *(f"That leaves nothing to compare {name} with." for name in left)]
    images = {name: images[name] for name in runs}
    from cifarkit.evaluation.comparison import compare
    from cifarkit.evaluation.wording import sentences

    missing = [f"Left out, since no predictions could be read: {listed(unread)}."] if unread else []
    try:
        return [*sentences(compare(runs, image_sets=images)), *excluded, *missing]
    except InvalidInput as error:
        return [f"The predictions could not be compared: {error}", *excluded, *missing]


def _no_claim(flawed: Mapping[str, ArmResult], *, every: bool) -> str:
    """A sentence that lists the excluded arms and the reasons."""
    arms: dict[str, list[str]] = {}
    for name, outcome in flawed.items():
        arms.setdefault(_why(outcome), []).append(name)
    if every and len(arms) == 1:
        (why,) = arms
        return f"No claim is made about any arm: each one's {why}."
    about = "; ".join(
        f"{listed(names)}: {'its' if len(names) == 1 else 'their'} {why}"
        for why, names in arms.items()
    )
    return (
        f"No claim is made about any arm: {about}." if every else f"No claim is made about {about}."
    )


def _why(outcome: ArmResult) -> str:
    """The problems of an arm's trainings, phrased to follow a possessive."""
    times = Counter(finding.clause for found in outcome.findings for finding in found)
    of = len(outcome.done)
    return ", and ".join(
        clause if times[clause] == of else f"{clause} (in {times[clause]} of {of} runs)"
        for clause in times
    )


def _named(view: StudyView) -> dict[str, ArmResult]:
    """The arms by unique names that can stand in a sentence: "dropout 0.5", "augmentation=no"."""
    axis = view.axes[0] if len(view.axes) == 1 and view.layout.names_axis else None
    named: dict[str, ArmResult] = {}
    for position, outcome in enumerate(view.results, start=1):
        name = row_name(view, outcome)
        if axis and axis in outcome.arm.settings:
            is_switch = isinstance(outcome.arm.settings[axis], bool)
            name = f"{axis_heading(axis).lower()}{'=' if is_switch else ' '}{name}"
        named[name if name not in named else f"{name} (row {position})"] = outcome
    return named


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

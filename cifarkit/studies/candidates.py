"""Arms of a study as candidates for a choice: their accuracy on the validation images."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING

from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.specs import DataSpec
from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import Arm, StudyRecord
from cifarkit.store.training_checks import Finding, findings
from cifarkit.text import counted, listed, unique

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NothingToChooseFrom(CifarkitError):
    """No arm of a study has a finished trial."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """An arm with finished trials.

    Attributes:
        name: Its label in a sentence.
    """

    arm: Arm
    name: str
    trials: tuple[TrialRecord, ...]
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> bool:
        return any(finding.broken for finding in self.findings)

    @property
    def faults(self) -> str:
        return ", ".join(unique(found.brief for found in self.findings if found.broken))

    @cached_property
    def answers(self) -> dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """By seed, the true and the predicted classes of the validation images, (n,) each."""
        from cifarkit.store import predictions  # imports NumPy

        found = {}
        for trial in self.trials:
            saved = predictions.of_trial(trial)
            if saved.validation is None:
                path = trial.folder / predictions.FILE
                raise InvalidInput(f"{path} has no validation images to choose by")
            found[trial.spec.train.seed] = saved.validation
        return found

    @property
    def splits(self) -> dict[int, DataSpec]:
        """The data by seed."""
        return {trial.spec.train.seed: trial.spec.data for trial in self.trials}

    def of_seeds(self, seeds: Collection[int]) -> Candidate:
        """The same arm without its trials of other seeds."""
        kept = tuple(trial for trial in self.trials if trial.spec.train.seed in seeds)
        return replace(self, trials=kept)

    @cached_property
    def accuracy(self) -> Fraction:
        """A fraction of counts: equal accuracies are equal, and a tolerance ends where it says."""
        right = sum(int((labels == guesses).sum()) for labels, guesses in self.answers.values())
        return Fraction(right, sum(labels.size for labels, _ in self.answers.values()))

    def __str__(self) -> str:
        """`0.832 on 4,000 validation images`."""
        images = sorted({labels.size for labels, _ in self.answers.values()})
        of = listed((f"{count:,}" for count in images), last="or")
        runs = f" (mean of {counted(len(self.trials), 'run')})" if len(self.trials) > 1 else ""
        return f"{float(self.accuracy):.3f} on {of} validation images{runs}"


def candidates(
    study: StudyRecord, records: Mapping[str, TrialRecord]
) -> tuple[list[Candidate], list[Candidate]]:
    """The arms with finished trials, in order, and those of them whose training failed.

    If all of them failed, all are candidates. Where each seed has its own split, arms are compared
    over the seeds that all of them have, if there are any.

    Raises:
        NothingToChooseFrom: No arm has a finished trial.
    """
    found = []
    for arm in study.arms:
        done = tuple(records[t] for t in arm.trials if t in records and records[t].complete)
        if done:
            wrong = tuple(finding for trial in done for finding in findings(trial, study.axes))
            found.append(Candidate(arm, study.name_of(arm.label), done, wrong))
    if not found:
        raise NothingToChooseFrom(
            f"{study.title}: no trial completed, so there is nothing to go on with"
        )
    sound = [one for one in found if not one.broken]
    broken = [one for one in found if one.broken] if sound else []
    sound = sound or found
    shared = set.intersection(*(set(one.splits) for one in sound))
    if study.vary_split and shared:
        sound = [one.of_seeds(shared) for one in sound]
    return sound, broken


def difference(one: Candidate, other: Candidate) -> str:
    """`0.30 percentage points below that of X (95% interval of the difference -1.02 to +0.42)`.

    The interval is that of `evaluation.comparison.compare` for two arms.
    """
    points = 100 * float(one.accuracy - other.accuracy)
    way = "above" if points > 0 else "below"
    distance = (
        f"{abs(points):.2f} percentage points {way} that of" if points else "as high as that of"
    )
    return f"{distance} {other.name} ({_interval(one, other)})"


def _interval(one: Candidate, other: Candidate) -> str:
    import numpy as np

    from cifarkit.evaluation.comparison import compare

    if len({*one.splits.values(), *other.splits.values()}) > 1:
        return _interval_over_splits(one, other)
    images = next(iter(one.answers.values()))[0]
    every = (*one.answers.values(), *other.answers.values())
    if not all(np.array_equal(labels, images) for labels, _ in every):
        return "no interval: their validation images differ"
    right = {
        name: {seed: np.equal(*answer) for seed, answer in arm.answers.items()}
        for name, arm in (("one", one), ("other", other))
    }
    (found,) = compare(right).comparisons
    low, high = 100 * found.low, 100 * found.high
    if found.arm == "other":
        low, high = -high, -low
    several = len(one.trials) + len(other.trials) > 2
    of = ", of one model each," if found.of == "model" and several else ""
    return f"95% interval of the difference{of} {low:+.2f} to {high:+.2f}"


def _interval_over_splits(one: Candidate, other: Candidate) -> str:
    """Of arms in which each seed has its own split, the same in both."""
    from cifarkit.evaluation.resampled_interval import resampled_interval

    if one.splits != other.splits:
        return "no interval: their validation images differ"
    differences = [
        float((labels == guesses).mean() - (labels == its).mean())
        for seed, (labels, guesses) in one.answers.items()
        for _, its in [other.answers[seed]]
    ]
    results = [trial.result for trial in one.trials if trial.result is not None]
    held_out = fmean(result.validation_images / result.train_images for result in results)
    found = resampled_interval(differences, held_out)
    return (
        f"95% interval of the difference over other splits and seeds {100 * found.low:+.2f} to "
        f"{100 * found.high:+.2f}"
    )

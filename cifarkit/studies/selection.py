"""Selection on validation images: the best arm, or a faster one not distinguishable from it.

Test images are not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import Arm, Choice, StudyRecord
from cifarkit.store.training_checks import Finding, findings

if TYPE_CHECKING:
    from cifarkit.evaluation.comparison import Conclusion


class NothingToChooseFrom(CifarkitError):
    """No arm of a study has a finished trial."""


@dataclass(frozen=True)
class _Scored:
    arm: Arm
    trials: tuple[TrialRecord, ...]
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> bool:
        return any(finding.broken for finding in self.findings)

    @property
    def accuracy(self) -> float:
        return fmean(trial.result.accuracy.validation for trial in self.trials if trial.result)

    @property
    def fit_seconds(self) -> float:
        return fmean(t.result.time.comparable_fit_seconds for t in self.trials if t.result)


def choose(study: StudyRecord, records: Mapping[str, TrialRecord]) -> Choice:
    """The arm that the next steps build on, and why.

    Among the arms that the validation images cannot tell from the best one (by
    `evaluation.comparison.compare`), the one that took the least time to train. Times that differ
    by less than a tenth count as equal; the more accurate arm is then chosen. Cached outputs of
    frozen layers count as if computed anew. Arms whose training failed a check
    (`store.training_checks`) are left out, unless all did.

    Raises:
        NothingToChooseFrom: No arm has a finished trial.
    """
    scored, broken = _scored(study, records)
    from cifarkit.evaluation.comparison import compare  # imports NumPy

    conclusion = compare(
        {label: {t.spec.train.seed: _right(t) for t in arm.trials} for label, arm in scored.items()}
    )
    alike = _alike(conclusion)
    best = scored[alike[0]]
    quickest = min(scored[label].fit_seconds for label in alike)
    quick = [scored[label] for label in alike if scored[label].fit_seconds <= 1.1 * quickest]
    chosen = max(quick, key=lambda arm: arm.accuracy)
    return Choice(
        arm=chosen.arm.label,
        settings=chosen.arm.settings,
        reason="; ".join(
            [
                _reason(chosen, best, len(alike), len(scored), conclusion),
                *(f"its {clause}" for clause in _each_once(f.clause for f in chosen.findings)),
                *(f"left out, {arm.arm.label}: {_briefly(arm)}" for arm in broken),
            ]
        ),
    )


def _alike(conclusion: Conclusion) -> list[str]:
    """The best arm and those not distinguishable from it.

    With too few seeds to show any difference, an arm whose interval lies below the best still
    counts as worse: a choice has to be made, and it is not reported as a finding.
    """
    too_few = conclusion.seeds_needed is not None
    alike = [
        found.arm
        for found in conclusion.comparisons
        if found.verdict != "worse" and not (too_few and found.high < 0)
    ]
    return [conclusion.reference, *alike] if conclusion.reference else alike


def best_values(
    study: StudyRecord,
    records: Mapping[str, TrialRecord],
    choice: Choice,
    axis: str,
    count: int,
) -> list[Any]:
    """The chosen value of an axis, then those of the next best arms by validation accuracy."""
    scored, _ = _scored(study, records)
    ranked = sorted(scored.values(), key=lambda arm: -arm.accuracy)
    values = [choice.settings[axis], *(arm.arm.settings[axis] for arm in ranked)]
    return list(dict.fromkeys(values))[:count]


def _scored(
    study: StudyRecord, records: Mapping[str, TrialRecord]
) -> tuple[dict[str, _Scored], list[_Scored]]:
    """The candidate arms by label, and the arms left out."""
    found = {}
    for arm in study.arms:
        done = _complete(arm.trials, records)
        if done:
            wrong = tuple(finding for trial in done for finding in findings(trial, study.axes))
            found[arm.label] = _Scored(arm, done, wrong)
    if not found:
        raise NothingToChooseFrom(
            f"{study.title}: no trial completed, so there is nothing to go on with"
        )
    sound = {label: arm for label, arm in found.items() if not arm.broken}
    if not sound:
        return found, []
    return sound, [arm for arm in found.values() if arm.broken]


def _briefly(arm: _Scored) -> str:
    return ", ".join(_each_once(found.brief for found in arm.findings if found.broken))


def _each_once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _complete(trials: Sequence[str], records: Mapping[str, TrialRecord]) -> tuple[TrialRecord, ...]:
    return tuple(records[t] for t in trials if t in records and records[t].complete)


def _right(trial: TrialRecord) -> Any:
    """Which validation images were predicted right, (n,) bool."""
    from cifarkit.store import predictions

    saved = predictions.of_trial(trial)
    if saved.validation is None:
        path = trial.folder / predictions.FILE
        raise InvalidInput(f"{path} has no validation images to choose by")
    labels, predicted = saved.validation
    return labels == predicted


def _reason(chosen: _Scored, best: _Scored, alike: int, arms: int, conclusion: Conclusion) -> str:
    images = conclusion.scores[0].images
    of = f"on {images:,} validation images"
    if arms == 1:
        return f"the only one to choose from; validation accuracy {chosen.accuracy:.3f} {of}"
    if chosen is not best:
        return (
            f"validation accuracy {chosen.accuracy:.3f} {of}, not distinguishable from the "
            f"highest ({best.arm.label}, {best.accuracy:.3f}), and quicker to train "
            f"({chosen.fit_seconds:.0f} s against {best.fit_seconds:.0f} s)"
        )
    if alike == 1:
        return f"highest validation accuracy, {chosen.accuracy:.3f} {of}, above all others"
    return (
        f"highest validation accuracy, {chosen.accuracy:.3f} {of}; of the {alike} that are not "
        f"distinguishable, none is clearly quicker to train"
    )

"""Selection on validation images: the most accurate arm, or a cheaper one within a tolerance.

Test images are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import Choice, StudyRecord
from cifarkit.studies.candidates import Candidate, candidates, difference
from cifarkit.studies.costs import CostName, comparable
from cifarkit.text import listed, percentage_points, unique


class Selection:
    """What to go on with after a study.

    Raises:
        NothingToChooseFrom: No arm has a finished trial.
    """

    def __init__(self, study: StudyRecord, records: Mapping[str, TrialRecord]) -> None:
        self._study, self._records = study, records
        self._sound, self._broken = candidates(study, records)

    def choose(self, *, tolerance: float = 0.0, cost: CostName | None = None) -> Choice:
        """The arm that the next steps build on, and why.

        The one with the highest validation accuracy; of several, the first in the study's order.
        With a tolerance and a cost: of the arms that are no further below, and cheaper by a tenth
        or more, the cheapest. FLOPs stand in for costs that do not compare (`costs.comparable`).
        Arms whose training failed a check (`store.training_checks`) are left out, unless all did.

        Args:
            tolerance: In accuracy: 0.005 is half a point.

        Raises:
            InvalidInput: The predictions of a trial are damaged.
        """
        chosen, why = self._chosen(tolerance, cost)
        left_out = [f"{arm.name} ({arm.faults})" for arm in self._broken]
        finished = [arm.arm for arm in (*self._sound, *self._broken)]
        left_out += [
            f"{self._study.name_of(arm.label)} (no trial completed)"
            for arm in self._study.arms
            if arm.trials and arm not in finished
        ]
        clauses = [why, *(f"its {clause}" for clause in unique(f.clause for f in chosen.findings))]
        if self._study.vary_split and any(len(a.trials) < len(a.arm.trials) for a in self._sound):
            clauses.append("each over the splits of the seeds that all settings have")
        if left_out:
            clauses.append(f"left out: {listed(left_out)}")
        return Choice(arm=chosen.arm.label, settings=chosen.arm.settings, reason="; ".join(clauses))

    def follow(self, label: str, by_validation: Choice) -> Choice:
        """The choice of the arm that a study file assumes, whatever the validation images say.

        Args:
            by_validation: What `choose` says.
        """
        assumed = next(arm for arm in self._study.arms if arm.label == label)
        reason = "as the study file assumes"
        if label == by_validation.arm:
            reason += f"; the validation images choose it, too: {by_validation.reason}"
        else:
            found = {arm.arm.label: arm for arm in (*self._sound, *self._broken)}
            if label in found:
                distance = difference(found[label], found[by_validation.arm])
                reason += f", validation accuracy {found[label]}, {distance}"
                reason += f"; its training failed ({found[label].faults})" * found[label].broken
            else:
                reason += ", though none of its trials completed"
            reason += (
                f"; the validation images would have chosen "
                f"{self._study.name_of(by_validation.arm)}: {by_validation.reason}"
            )
        return Choice(
            arm=label, settings=assumed.settings, reason=reason, by_validation=by_validation.arm
        )

    def best_values(self, choice: Choice, axis: str, count: int) -> list[Any]:
        """The chosen value of an axis, then those of the next best arms."""
        ranked = sorted(self._sound, key=lambda arm: -arm.accuracy)
        values = [choice.settings[axis], *(one.arm.settings[axis] for one in ranked)]
        return list(dict.fromkeys(values))[:count]

    def _chosen(self, tolerance: float, cost_name: CostName | None) -> tuple[Candidate, str]:
        arms = self._sound
        best = max(arms, key=lambda arm: arm.accuracy)  # the first of several
        highest = _highest(best, arms)
        if cost_name is None or len(arms) == 1:
            return best, highest
        within = f"within the tolerance of {percentage_points(tolerance)}"
        near = [arms[index] for index in _near([arm.accuracy for arm in arms], tolerance)]
        if len(near) == 1:
            return best, f"{highest}; no other is {within}"
        trials = [trial for arm in near for trial in arm.trials]
        study_trials = [
            self._records[trial]
            for arm in self._study.arms
            for trial in arm.trials
            if trial in self._records
        ]
        cost, note = comparable(cost_name, trials, study_trials, self._study.axes)
        note = f"; {note}" if note else ""
        if cost is None:
            return best, f"{highest}; none {within} is known to be cheaper{note}"
        costs = [cost.of(arm.trials) for arm in near]
        taken = pick([arm.accuracy for arm in near], costs, tolerance, cost.cheaper)
        chosen = near[taken]
        if chosen is best:
            return best, f"{highest}; none {within} is cheaper by a tenth ({cost.title}){note}"
        saved = cost.against(costs[taken], costs[near.index(best)])
        return chosen, (
            f"validation accuracy {chosen}, {difference(chosen, best)}, {within} of the highest, "
            f"and cheaper: {saved}{note}"
        )


def pick(
    accuracies: Sequence[Fraction],
    costs: Sequence[float],
    tolerance: float,
    cheaper: Callable[[float, float], bool],
) -> int:
    """The index of the arm that `Selection.choose` takes.

    Args:
        cheaper: Whether the first cost is really below the second.
    """
    best = max(range(len(accuracies)), key=accuracies.__getitem__)
    saving = [arm for arm in _near(accuracies, tolerance) if cheaper(costs[arm], costs[best])]
    # Among those that cost about as much as the cheapest, the most accurate.
    least = [arm for arm in saving if not any(cheaper(costs[one], costs[arm]) for one in saving)]
    return max(least, key=accuracies.__getitem__, default=best)


def _near(accuracies: Sequence[Fraction], tolerance: float) -> list[int]:
    """The arms within the tolerance of the best, as its digits say: 0.005 is 1/200."""
    floor = max(accuracies) - Fraction(str(tolerance))
    return [arm for arm, accuracy in enumerate(accuracies) if accuracy >= floor]


def _highest(best: Candidate, arms: Sequence[Candidate]) -> str:
    """Why the most accurate arm goes on, and its distance from the next one."""
    others = [arm for arm in arms if arm is not best]
    if not others:
        return f"the only one to choose from; validation accuracy {best}"
    second = max(others, key=lambda arm: arm.accuracy)
    reason = f"highest validation accuracy, {best}, {difference(best, second)}"
    if second.accuracy == best.accuracy:
        equal = sum(arm.accuracy == best.accuracy for arm in arms)
        reason += f"; the first of {equal} equal ones in the study's order"
    return reason

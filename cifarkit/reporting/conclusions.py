"""A study's conclusions from saved predictions, by the tests of `cifarkit.evaluation`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.sequential_wording import procedure_sentences
from cifarkit.reporting.arm_accuracy import ScoredRuns, scored_runs
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.repeated_trials import seeds_sentence
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.study_records import StudyRecord
from cifarkit.text import listed

if TYPE_CHECKING:
    from cifarkit.evaluation.comparison import Conclusion, Runs
    from cifarkit.evaluation.sequential import Sequential


@dataclass(frozen=True)
class Conclusions:
    """What the data of a study support.

    Attributes:
        sentences: In reading order; none if no setting has predictions to compare.
        pairs: How many pairs of arms were compared at once; 0 if nothing was.
        claims: How many of the reported comparisons claim a difference or equality.
        found: What the sentences are of; None if nothing was compared.
        trials: By arm and seed, the ids of the trials that were compared.
        findings: The same without what the intervals hold for; empty if nothing was compared.
    """

    sentences: tuple[str, ...] = ()
    pairs: int = 0
    claims: int = 0
    found: Conclusion | None = None
    trials: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparableArms:
    """The arms that may be compared, by names that can stand in a sentence.

    Attributes:
        scored: Without the arms that have a trial that failed a check.
        remarks: Sentences on what is left out.
    """

    scored: Mapping[str, ScoredRuns]
    remarks: tuple[str, ...] = ()

    @property
    def enough(self) -> bool:
        return sum(bool(found.runs) for found in self.scored.values()) > 1

    @property
    def runs(self) -> dict[str, Runs]:
        return {name: found.runs for name, found in self.scored.items()}

    @property
    def images(self) -> dict[str, Hashable]:
        return {name: found.images for name, found in self.scored.items()}


def comparable_arms(view: StudyView) -> ComparableArms:
    """What there is to compare.

    An arm with a trial that failed a check (`store.training_checks`) is left out, and named. Only
    trials scored on the same test images are compared, as identified by the true labels and the
    list of classes. Splits of the images (the axis `data_seed`) are not compared: no one goes on
    with one of them for its accuracy.
    """
    if view.axes == ("data_seed",):
        return ComparableArms({})
    named = view.named
    scored = {name: scored_runs(outcome) for name, outcome in named.items()}
    if sum(bool(found.runs) for found in scored.values()) < 2:
        return ComparableArms({})
    unread = [f"{name} (trial {trial})" for name, found in scored.items() for trial in found.unread]
    missing = [f"Left out, since no predictions could be read: {listed(unread)}."] if unread else []
    flawed = {name: named[name] for name in scored if any(named[name].findings)}
    excluded = [_no_claim(flawed, every=len(flawed) == len(scored))] if flawed else []
    scored = {name: found for name, found in scored.items() if name not in flawed}
    left = [name for name, found in scored.items() if found.runs]
    if len(left) < 2:
        missing = [f"That leaves nothing to compare {name} with." for name in left]
    return ComparableArms(scored, (*excluded, *missing))


def conclusions(view: StudyView) -> Conclusions:
    """Which arms differ. Where seeds are added until settled, as the looks taken so far say."""
    arms = comparable_arms(view)
    if not arms.enough:
        return Conclusions(arms.remarks)
    from cifarkit.evaluation.comparison import compare
    from cifarkit.evaluation.wording import sentences

    margin = view.study.equivalence
    procedure: tuple[str, ...] = ()
    try:
        if view.study.max_seeds:
            state = looks_taken(arms, view.study, tried_seeds(view))
            procedure = procedure_sentences(state, arms.runs)
            found = state.conclusion
            if found is None:
                return Conclusions((*procedure, *arms.remarks))
        else:
            found = compare(arms.runs, arms.images)
    except InvalidInput as error:
        return Conclusions((f"The predictions could not be compared: {error}", *arms.remarks))
    advice = seeds_sentence(view, len(found.scores)) if found.of_models else ""
    findings, written = (
        sentences(found, margin, advice, view.study.vary_split, limits=limits)
        for limits in (False, True)
    )
    claims = sum(
        one.verdict != "not distinguishable" or one.equal_within(margin)
        for one in found.comparisons
    )
    named = view.named
    trials = {
        name: {
            trial.spec.train.seed: trial.trial_id
            for trial in named[name].done
            if trial.spec.train.seed in scored.runs
        }
        for name, scored in arms.scored.items()
    }
    said, short = ((*procedure, *text, *arms.remarks) for text in (written, findings))
    return Conclusions(said, found.family, claims, found, trials, short)


def looks_taken(arms: ComparableArms, study: StudyRecord, tried: Mapping[str, int]) -> Sequential:
    """How far a study is that adds seeds until it is settled.

    Args:
        tried: By arm, how many seeds from 0 on have ended, well or badly.

    Raises:
        InvalidInput: The runs of an arm cannot be compared.
    """
    from cifarkit.evaluation.sequential import compare_sequentially

    return compare_sequentially(
        arms.runs,
        arms.images,
        tried=tried,
        max_seeds=study.max_seeds,
        equivalence=study.equivalence,
    )


def tried_seeds(view: StudyView) -> dict[str, int]:
    """By arm, how many seeds from 0 on have ended; an arm that is not possible delays no look."""
    tried = {}
    for name, outcome in view.named.items():
        records = [view.records[trial] for trial in outcome.arm.trials if trial in view.records]
        ended = {
            record.spec.train.seed
            for record in records
            if record.complete or record.state.status.ended_badly
        }
        first_open = next(seed for seed in count() if seed not in ended)
        tried[name] = first_open if outcome.arm.trials else view.study.max_seeds
    return tried


def _no_claim(flawed: Mapping[str, ArmResult], *, every: bool) -> str:
    """A sentence that lists the excluded arms and the reasons."""
    arms: dict[str, list[str]] = {}
    for name, outcome in flawed.items():
        arms.setdefault(_why(outcome), []).append(name)
    if every and len(arms) == 1:
        (why,) = arms
        return f"No claim is made about any setting: each one's {why}."
    about = "; ".join(
        f"{listed(names)}: {'its' if len(names) == 1 else 'their'} {why}"
        for why, names in arms.items()
    )
    which = "any setting: " if every else ""
    return f"No claim is made about {which}{about}."


def _why(outcome: ArmResult) -> str:
    """The problems of an arm's trainings, phrased to follow a possessive."""
    times = Counter(finding.clause for found in outcome.findings for finding in found)
    of = len(outcome.done)
    return ", and ".join(
        clause if times[clause] == of else f"{clause} (in {times[clause]} of {of} runs)"
        for clause in times
    )

"""What the studies of a report are about, as a whole: title, data and counts, choices, claims."""

from __future__ import annotations

from collections.abc import Sequence

from cifarkit.evaluation.comparison import LEVEL
from cifarkit.reporting import provenance
from cifarkit.reporting.conclusions import Conclusions
from cifarkit.reporting.hyperparameters import data_sentences
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.trials import Trials
from cifarkit.text import counted, listed, plain, unique


def title(studies: Sequence[StudyRecord]) -> str:
    """The title of the whole study, of the only study, or of any studies."""
    wholes = {plain(study.whole_title) for study in studies}
    if len(wholes) == 1 and (whole := wholes.pop()):
        return whole
    single = plain(studies[0].title) if len(studies) == 1 else ""
    return single or "Transfer-learning studies"


def counts(views: Sequence[StudyView]) -> str:
    """How many trials are done, and when they ran."""
    records = views[0].records
    ids = unique(trial for view in views for arm in view.study.arms for trial in arm.trials)
    known = [records[trial_id] for trial_id in ids if trial_id in records]
    complete = sum(trial.complete for trial in known)
    failed = sum(trial.state.status.ended_badly for trial in known)
    unreadable = len(records.unreadable) if isinstance(records, Trials) else 0
    impossible = sum(bool(arm.impossible) for view in views for arm in view.study.arms)
    left = len(ids) - complete - failed - unreadable
    parts = ["all complete" if complete == len(ids) else f"{complete} complete"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{unreadable} not readable"] if unreadable else []
    parts += [f"{left} not finished or not run"] if left else []
    days = provenance.when(known)
    lacking = f" {counted(impossible, 'setting')} not possible." if impossible else ""
    return (
        f"{counted(len(ids), 'trial')}{f', {days}' if days else ''}: {', '.join(parts)}.{lacking}"
    )


def data(views: Sequence[StudyView]) -> str:
    """The data sets that were used; empty if nothing was trained."""
    known = {trial.trial_id: trial for view in views for _, trial in view.trials}
    used = "; ".join(data_sentences(list(known.values())))
    return f"Data: {used}." if used else ""


def how_chosen(views: Sequence[StudyView]) -> str:
    """On which images the steps decided; empty if none did."""
    if not any(view.study.choice for view in views):
        return ""
    return (
        "Every step builds on the choices of earlier steps. Choices are made on validation "
        "images, never on test images."
        + " How many seeds a setting got was decided on test images."
        * any(view.study.max_seeds for view in views)
    )


def claims(supported: Sequence[Conclusions]) -> str:
    """How many claims the report makes and how many false ones to expect; empty without pairs."""
    families = sum(found.pairs > 0 for found in supported)
    if not families:
        return ""
    claims = sum(found.claims for found in supported)
    compared = counted(families, "study", "studies")
    if not claims:
        return f"No difference and no equality is claimed, from comparisons in {compared}."
    verb = "is" if claims == 1 else "are"
    start = f"{counted(claims, 'claim')} of a difference or of equality {verb} made in {compared}"
    if families == 1:
        return f"{start}; the chance of any false one is at most about {LEVEL:.0%}."
    return (
        f"{start}, each with a chance of at most about {LEVEL:.0%} of any false one: at most "
        f"{LEVEL * families:.2g} of these studies are expected to make one."
    )


def taken_again(views: Sequence[StudyView]) -> dict[str, list[str]]:
    """For each step that was run more than once with different arms, references to the others."""
    taken: dict[tuple[str, str, int], list[StudyView]] = {}
    for view in views:
        study = view.study
        if study.step and study.whole_id:
            taken.setdefault((study.part_of, study.whole_id, study.step), []).append(view)
    return {
        view.name: [
            "This step was also run with other trials, since an earlier step chose differently: "
            f"see {listed(other.title for other in again if other is not view)}."
        ]
        for again in taken.values()
        if len(again) > 1
        for view in again
    }

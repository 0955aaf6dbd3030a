"""What the studies of a report are about, as a whole: title, data and counts, choices, claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from cifarkit.evaluation.comparison import LEVEL
from cifarkit.reporting import formatting, provenance
from cifarkit.reporting.arm_accuracy import interval, interval_subject
from cifarkit.reporting.conclusions import Conclusions
from cifarkit.reporting.document_model import Block, Paragraph
from cifarkit.reporting.hyperparameters import data_sentences
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Table, text_cell, text_columns
from cifarkit.store.study_records import Arm, StudyRecord
from cifarkit.store.trials import Trials
from cifarkit.text import counted, listed, plain, unique


def title(studies: Sequence[StudyRecord]) -> str:
    """The title of the whole study, of the only study, or of any studies."""
    wholes = {plain(study.whole_title) for study in studies}
    if len(wholes) == 1 and (whole := wholes.pop()):
        return whole
    single = plain(studies[0].title) if len(studies) == 1 else ""
    return single or "Transfer-learning studies"


def summary(views: Sequence[StudyView]) -> str:
    """What was studied, on which data, and how many trials are done."""
    named = listed(f"{view.title} ({_rows(view.study.arms)})" for view in views)
    return f"{counted(len(views), 'study', 'studies')}: {named}. {trials(views)}"


def trials(views: Sequence[StudyView]) -> str:
    """How many trials are done, when they ran, and on which data."""
    records = views[0].records
    ids = unique(trial for view in views for arm in view.study.arms for trial in arm.trials)
    known = [records[trial_id] for trial_id in ids if trial_id in records]
    complete = sum(trial.complete for trial in known)
    failed = sum(trial.state.status.ended_badly for trial in known)
    unreadable = len(records.unreadable) if isinstance(records, Trials) else 0
    left = len(ids) - complete - failed - unreadable
    counts = [f"{complete} complete"]
    counts += [f"{failed} failed"] if failed else []
    counts += [f"{unreadable} not readable"] if unreadable else []
    counts += [f"{left} not finished or not run"] if left else []
    days = provenance.when(known)
    data = "; ".join(data_sentences(known))
    return f"{counted(len(ids), 'trial')}{f', {days}' if days else ''}: {', '.join(counts)}." + (
        f" Data: {data}." if data else ""
    )


def _rows(arms: Sequence[Arm]) -> str:
    impossible = sum(bool(arm.impossible) for arm in arms)
    return counted(len(arms), "row") + (f", {impossible} not possible" if impossible else "")


def how_chosen(views: Sequence[StudyView]) -> str:
    """On which images the steps decided; empty if none did."""
    if not any(view.study.choice for view in views):
        return ""
    return (
        "Every step builds on the choices of earlier steps. Choices are made on validation "
        "images, never on test images. Each reason names the rule: the highest accuracy, or "
        "what the study file declares instead."
        + " How many seeds a setting got was decided on test images."
        * any(view.study.max_seeds for view in views)
    )


def choices(views: Sequence[StudyView]) -> tuple[Block, ...]:
    """What each step decided on validation images, and why."""
    rows = [
        tuple(map(text_cell, (view.title, view.study.name_of(choice.arm), choice.reason)))
        for view in views
        if (choice := view.study.choice) is not None
    ]
    if not rows:
        return ()
    return (
        Paragraph(how_chosen(views)),
        Table(
            "choices",
            "The choices and their reasons.",
            text_columns("Step", "Choice", "Why"),
            tuple(rows),
        ),
        *map(Paragraph, final_figures(views)),
    )


def final_figures(views: Sequence[StudyView]) -> list[str]:
    """The test accuracy of what each whole study ended with; not the highest one of its tables."""
    last = {
        (view.study.part_of, view.study.whole_id): view
        for view in views
        if view.study.step and (view.study.choice or not view.axes)
    }
    titles = Counter(view.study.whole_title for view in last.values())
    sentences = []
    for view in last.values():
        of = plain(view.study.whole_title)
        if titles[view.study.whole_title] > 1:
            of += f", “{view.title}”,"
        choice = view.study.choice
        arms = (
            view.results
            if choice is None
            else [a for a in view.results if a.arm.label == choice.arm]
        )
        if len(arms) == 1 and (scores := arms[0].values(lambda result: result.accuracy.test)):
            span = interval(arms[0])
            shown = span and formatting.interval(span, view.decimals)
            sentences.append(
                f"The final figure of {of} is the test accuracy of what "
                f"its choices led to, {view.study.name_of(arms[0].name)}: "
                f"{fmean(scores):.{view.decimals}f}"
                + (f" (95% interval of {interval_subject(arms)} {shown})." if shown else ".")
            )
    return sentences


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

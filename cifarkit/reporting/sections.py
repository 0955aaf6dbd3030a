"""The chapters of the appendix: one per study, then how the trials were measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.comparison import LEVEL
from cifarkit.reporting import formatting, provenance
from cifarkit.reporting.arm_accuracy import interval, interval_subject
from cifarkit.reporting.conclusions import Conclusions, conclusions
from cifarkit.reporting.document_model import Block, Command, Document, Items, Paragraph, Section
from cifarkit.reporting.evaluation_report import evaluation_sections
from cifarkit.reporting.figures.study_figures import figures
from cifarkit.reporting.hyperparameters import data_sentences, settings_tables
from cifarkit.reporting.notes import notes
from cifarkit.reporting.study_tables import detail_tables, main_tables
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Table, text_cell, text_columns
from cifarkit.reporting.variance_text import variance_sentences
from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import Arm, StudyRecord
from cifarkit.store.trials import Trials
from cifarkit.text import counted, listed, plain, unique


def compose(
    views: Sequence[StudyView], *, published: bool, illustrated: bool, appendix: bool = True
) -> Document:
    """The whole document; its figures are drawn when it is written.

    Args:
        appendix: Whether it ends with how the trials were measured.
    """
    again = _taken_again(views)
    supported = {view.name: conclusions(view) for view in views}
    summary = [_summary(views), _claims(list(supported.values()))]
    sections = [Section("Summary", 2, tuple(map(Paragraph, filter(None, summary))))]
    if chosen := _choices(views):
        sections.append(Section("What was chosen", 2, chosen))
    for view in views:
        first, *rest = _study(view, supported[view.name], published, illustrated)
        blocks = [_captioned(block, view.title_suffix) for block in first.blocks]
        blocks = [*map(Paragraph, again.get(view.name, [])), *blocks]
        sections += [replace(first, blocks=tuple(blocks)), *rest]
    if appendix:
        sections += _how_measured(views)
    return Document(_title([view.study for view in views]), tuple(sections))


def _captioned(block: Block, suffix: str) -> Block:
    """Add what tells the study from similar ones to a table's caption."""
    if not isinstance(block, Table) or not suffix or suffix.strip() in block.caption:
        return block
    return replace(block, caption=f"{block.caption.removesuffix('.')}{suffix}.")


def _taken_again(views: Sequence[StudyView]) -> dict[str, list[str]]:
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


def _title(studies: Sequence[StudyRecord]) -> str:
    """The title of the whole study, of the only study, or of any studies."""
    wholes = {plain(study.whole_title) for study in studies}
    if len(wholes) == 1 and (whole := wholes.pop()):
        return whole
    single = plain(studies[0].title) if len(studies) == 1 else ""
    return single or "Transfer-learning studies"


def _choices(views: Sequence[StudyView]) -> tuple[Block, ...]:
    """What each step decided on validation images, and why."""
    rows = [
        tuple(map(text_cell, (view.title, view.study.name_of(choice.arm), choice.reason)))
        for view in views
        if (choice := view.study.choice) is not None
    ]
    if not rows:
        return ()
    return (
        Paragraph(
            "Every step builds on the choices of earlier steps. Choices are made on validation "
            "images, never on test images. Each reason names the rule: the highest accuracy, or "
            "what the study file declares instead."
            + " How many seeds a setting got was decided on test images."
            * any(view.study.max_seeds for view in views)
        ),
        Table(
            "choices",
            "The choices and their reasons.",
            text_columns("Step", "Choice", "Why"),
            tuple(rows),
        ),
        *map(Paragraph, _final_figures(views)),
    )


def _final_figures(views: Sequence[StudyView]) -> list[str]:
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


def _claims(supported: Sequence[Conclusions]) -> str:
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


def _summary(views: Sequence[StudyView]) -> str:
    """What was studied, on which data, and how many trials are done."""
    arms = [arm for view in views for arm in view.study.arms]
    records = views[0].records
    ids = unique(trial for arm in arms for trial in arm.trials)
    trials = [records[trial_id] for trial_id in ids if trial_id in records]
    complete = sum(trial.complete for trial in trials)
    failed = sum(trial.state.status.ended_badly for trial in trials)
    unreadable = len(records.unreadable) if isinstance(records, Trials) else 0
    left = len(ids) - complete - failed - unreadable
    counts = [f"{complete} complete"]
    counts += [f"{failed} failed"] if failed else []
    counts += [f"{unreadable} not readable"] if unreadable else []
    counts += [f"{left} not finished or not run"] if left else []
    named = listed(f"{view.title} ({_rows(view.study.arms)})" for view in views)
    days = provenance.when(trials)
    data = "; ".join(data_sentences(trials))
    return (
        f"{counted(len(views), 'study', 'studies')}: {named}. "
        f"{counted(len(ids), 'trial')}{f', {days}' if days else ''}: {', '.join(counts)}."
        + (f" Data: {data}." if data else "")
    )


def _rows(arms: Sequence[Arm]) -> str:
    impossible = sum(bool(arm.impossible) for arm in arms)
    return counted(len(arms), "row") + (f", {impossible} not possible" if impossible else "")


def _study(
    view: StudyView, supported: Conclusions, published: bool, illustrated: bool
) -> list[Section]:
    study = view.study
    blocks: list[Block] = []
    if study.command and not study.step:
        blocks += [Paragraph("Command:"), Command(study.command)]
    blocks += main_tables(view, published=published)
    if study.choice is not None:
        blocks.append(Paragraph(f"Chosen: {study.choice_in_words}."))
    if remarks := notes(view, published=published):
        blocks.append(Items(tuple(remarks)))
    if illustrated:
        blocks += figures(view)
    blocks += detail_tables(view)
    sections = [Section(plain(view.title) or view.name, 2, tuple(blocks))]
    texts = (supported.sentences, variance_sentences(view))
    if said := [" ".join(text) for text in texts if text]:
        sections.append(Section("What the data support", 3, tuple(map(Paragraph, said))))
    if not view.axes:
        sections += _evaluated(view, illustrated)
    return sections


def _evaluated(view: StudyView, illustrated: bool) -> list[Section]:
    """All seeds of a single training, and what the first one gets wrong."""
    for arm in view.results[:1]:
        if arm.done:
            try:
                return evaluation_sections(arm.done, figures=illustrated, level=3)
            except InvalidInput as error:
                return [Section("Evaluation", 3, (Paragraph(f"Not possible: {error}"),))]
    return []


def _how_measured(views: Sequence[StudyView]) -> list[Section]:
    trials = [trial for view in views for _, trial in view.trials]
    environments = provenance.environment_sentences(views)
    known = [(view.name, view.title, view.settings) for view in views]
    data = [f"{sentence}." for sentence in data_sentences(trials)]
    sections = [
        Section("How this was measured", 2, ()),
        Section("Machine", 3, (Items(tuple(environments)),) if environments else (_NOTHING,)),
    ]
    if data:
        sections.append(Section("Data", 3, (Items(tuple(data)), Paragraph(_seeds(trials)))))
    if weights := provenance.weights_sentences(trials):
        sections.append(Section("Weights to start from", 3, (Items(tuple(weights)),)))
    sections += [Section(title, 3, (table,)) for title, table in settings_tables(known)]
    sections.append(Section("What the columns mean", 3, (Items(provenance.DEFINITIONS),)))
    return sections


_NOTHING = Paragraph("No trial has finished.")


def _seeds(trials: Sequence[TrialRecord]) -> str:
    seeds = sorted({trial.spec.train.seed for trial in trials})
    own = [trial.result is not None and trial.result.own_validation for trial in trials]
    drawn = [trial for trial, given in zip(trials, own, strict=True) if not given]
    data_seeds = sorted({trial.spec.data.data_seed for trial in drawn})
    word = "seed" if len(seeds) == 1 else "seeds"
    parts = []
    if drawn:
        parts.append(
            "a stratified part of the training images, drawn with data "
            f"{'seed' if len(data_seeds) == 1 else 'seeds'} {listed(map(str, data_seeds))}"
        )
    if any(own):
        parts.append("the data set's own validation part")
    return (
        f"Training {word} {listed(map(str, seeds))}; the validation images are "
        f"{', or '.join(parts)}."
    )

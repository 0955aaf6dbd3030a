"""The whole report: a chapter per study with all details, then how the trials were measured."""

from __future__ import annotations

from collections.abc import Sequence

from cifarkit.errors import InvalidInput
from cifarkit.reporting import checklist, overview, provenance, repeat
from cifarkit.reporting.claims import Claim, claims, methods_used
from cifarkit.reporting.conclusions import Conclusions, conclusions
from cifarkit.reporting.document_model import Block, Document, Items, Paragraph, Section
from cifarkit.reporting.evaluation_report import evaluation_sections
from cifarkit.reporting.figures.study_figures import figures
from cifarkit.reporting.first_page import first_page
from cifarkit.reporting.hyperparameters import (
    data_sentences,
    own_settings,
    settings_table,
    usual_settings,
)
from cifarkit.reporting.inference import tables as inference_tables
from cifarkit.reporting.notes import notes
from cifarkit.reporting.screen_report import screen_sections
from cifarkit.reporting.study_tables import detail_tables, main_tables
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.variance_text import variance_sentences
from cifarkit.store.records import TrialRecord
from cifarkit.store.screens import ScreenRecord
from cifarkit.text import listed, plain


def compose(
    views: Sequence[StudyView],
    *,
    published: bool,
    illustrated: bool,
    screens: Sequence[ScreenRecord] = (),
) -> Document:
    """The whole report; its figures are drawn when it is written."""
    supported = [conclusions(view) for view in views]
    sections = first_page(views, supported, illustrated=illustrated)
    again = overview.taken_again(views)
    for view, found in zip(views, supported, strict=True):
        sections += _study(view, found, again.get(view.name, []), published, illustrated)
    sections += screen_sections(screens, views)
    made = [one for v, found in zip(views, supported, strict=True) for one in claims(v, found)]
    sections += _how_measured(views, made)
    return Document(overview.title([view.study for view in views]), tuple(sections))


def _study(
    view: StudyView,
    supported: Conclusions,
    remarks: Sequence[str],
    published: bool,
    illustrated: bool,
) -> list[Section]:
    study = view.study
    blocks: list[Block] = [Paragraph(text) for text in remarks]
    blocks += main_tables(view, published=published)
    if study.choice is not None:
        blocks.append(Paragraph(f"Chosen: {study.choice_in_words}."))
    if noted := notes(view, published=published):
        blocks.append(Items(tuple(noted)))
    if illustrated:
        blocks += figures(view)
    blocks += [*detail_tables(view), *inference_tables(view)]
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


def _how_measured(views: Sequence[StudyView], made: Sequence[Claim]) -> list[Section]:
    trials = [trial for view in views for _, trial in view.trials]
    environments = provenance.environment_sentences(views)
    data = [f"{sentence}." for sentence in data_sentences(trials)]
    sections = [
        Section("How this was measured", 2, ()),
        Section("Machine", 3, (Items(tuple(environments)),) if environments else (_NOTHING,)),
    ]
    if data:
        sections.append(Section("Data", 3, (Items(tuple(data)), Paragraph(_seeds(trials)))))
    if weights := provenance.weights_sentences(trials):
        sections.append(Section("Weights to start from", 3, (Items(tuple(weights)),)))
    sections.append(Section("Settings", 3, _settings(views)))
    sections.append(Section("What the columns mean", 3, (Items(provenance.DEFINITIONS),)))
    if used := methods_used(made):
        methods = tuple(f"{name[0].upper()}{name[1:]}: {text}" for name, text in used.items())
        sections.append(Section("Methods", 3, (Items(methods),)))
    sections.append(Section("How to repeat this", 3, tuple(repeat.blocks(views))))
    if answers := checklist.blocks(views):
        sections.append(Section("Reproducibility checklist", 3, tuple(answers)))
    return sections


def _settings(views: Sequence[StudyView]) -> tuple[Block, ...]:
    """The usual ones once; then what each study has of its own."""
    known = [view.titled_settings for view in views]
    usual, own = usual_settings(known), own_settings(known)
    return (
        *([settings_table(usual)] if usual else []),
        *([Items(tuple(own))] if own else []),
    )


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

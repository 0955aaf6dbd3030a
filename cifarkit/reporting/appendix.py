"""The appendix: every study's tables, one figure of its results, conclusions and notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from cifarkit.reporting import overview
from cifarkit.reporting.answer import wholes
from cifarkit.reporting.certainty import limits
from cifarkit.reporting.conclusions import Conclusions, conclusions
from cifarkit.reporting.document_model import Block, Document, Items, Paragraph, Section
from cifarkit.reporting.figures.study_figures import figures
from cifarkit.reporting.first_page import configuration
from cifarkit.reporting.hyperparameters import own_settings, usual_settings
from cifarkit.reporting.notes import notes, notes_of_trials
from cifarkit.reporting.study_tables import main_tables
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.setting_words import in_sentence
from cifarkit.text import plain

FIGURE = "results"
"""The figure that every study with an axis has here."""


def compose(views: Sequence[StudyView], *, published: bool, illustrated: bool) -> Document:
    """The appendix: it begins with the tables, and ends with what all studies share."""
    again = overview.taken_again(views)
    supported = [conclusions(view) for view in views]
    remarks = [
        [*again.get(view.name, []), *notes(view, published=published, of_trials=False)]
        for view in views
    ]
    times = Counter(remark for of_study in remarks for remark in of_study)
    repeated = [remark for remark in times if times[remark] > 1]
    sections = []
    for view, found, noted in zip(views, supported, remarks, strict=True):
        blocks: list[Block] = list(main_tables(view, published=published))
        if illustrated:
            blocks += figures(view, only=FIGURE)
        if view.study.choice is not None:
            blocks.append(Paragraph(f"Chosen: {view.study.choice_in_words}."))
        if said := found.findings or found.sentences:
            blocks.append(Paragraph(" ".join(said)))
        if own := [remark for remark in noted if remark not in repeated]:
            blocks.append(Items(tuple(own)))
        sections.append(Section(plain(view.title) or view.name, 2, tuple(blocks)))
    sections.append(Section("Notes", 2, (Items(tuple(_ending(views, supported, repeated))),)))
    return Document(overview.title([view.study for view in views]), tuple(sections))


def _finals(views: Sequence[StudyView], supported: Sequence[Conclusions]) -> list[str]:
    """The final configuration of each whole study, in a line."""
    lines = []
    for whole in wholes(views, supported):
        rows = configuration(whole.final).texts()
        values = "; ".join(f"{in_sentence(name)} {text}" for name, text in rows)
        lines.append(f"Final configuration of {whole.title}: {values}.")
    return lines


def _ending(
    views: Sequence[StudyView], supported: Sequence[Conclusions], repeated: Collection[str]
) -> list[str]:
    """What holds for all studies, in a line each."""
    known = [view.titled_settings for view in views]
    lines = [*_finals(views, supported), overview.how_chosen(views)]
    lines += [overview.counts(views), overview.data(views)]
    lines += [
        *limits(views, supported),
        overview.claims(supported),
        *repeated,
        *notes_of_trials(views),
    ]
    if usual := usual_settings(known):
        values = "; ".join(f"{name} {text}" for name, text in usual.items())
        lines.append(f"Settings, where nothing else is stated: {values}.")
    return [*filter(None, lines), *own_settings(known)]

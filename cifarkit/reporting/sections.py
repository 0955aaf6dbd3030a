"""The chapters of the appendix: one per study, then how it was all measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cifarkit.reporting import measured
from cifarkit.reporting.blocks import Block, Command, Document, Items, Paragraph, Section
from cifarkit.reporting.conclusions import conclusions
from cifarkit.reporting.figures.of_study import figures
from cifarkit.reporting.notes import notes
from cifarkit.reporting.settings import data_sentences, settings_tables, trials_of
from cifarkit.reporting.tables import detail_tables, main_tables
from cifarkit.reporting.text import counted, listed, plain, unique
from cifarkit.trials.record import Arm, StudyRecord, TrialRecord


def compose(
    studies: Sequence[StudyRecord],
    records: Mapping[str, TrialRecord],
    *,
    published: bool,
    illustrated: bool,
) -> Document:
    """The whole document; its figures are drawn later, by whoever writes it."""
    single = len(studies) == 1
    title = plain(studies[0].title) if single else "Transfer-learning studies"
    sections = [Section("Summary", 2, (Paragraph(_summary(studies, records)),))]
    for study in studies:
        sections += _study(study, records, published, illustrated)
    sections += _how_measured(studies, records)
    return Document(title or "Study", tuple(sections))


def _summary(studies: Sequence[StudyRecord], records: Mapping[str, TrialRecord]) -> str:
    """What was studied, on which data, and how much of it is done."""
    arms = [arm for study in studies for arm in study.arms]
    ids = unique(trial for arm in arms for trial in arm.trials)
    trials = [records[trial_id] for trial_id in ids if trial_id in records]
    complete = sum(trial.complete for trial in trials)
    failed = sum(trial.state.status.ended_badly for trial in trials)
    left = len(ids) - complete - failed
    counts = [f"{complete} complete"]
    counts += [f"{failed} failed"] if failed else []
    counts += [f"{left} not finished or not run"] if left else []
    named = listed(f"{plain(study.title)} ({_rows(study.arms)})" for study in studies)
    days = measured.when(trials)
    data = "; ".join(data_sentences(trials))
    return (
        f"{counted(len(studies), 'study', 'studies')}: {named}. "
        f"{counted(len(ids), 'trial')}{f', {days}' if days else ''}: {', '.join(counts)}."
        + (f" Data: {data}." if data else "")
    )


def _rows(arms: Sequence[Arm]) -> str:
    impossible = sum(bool(arm.impossible) for arm in arms)
    return counted(len(arms), "row") + (f", {impossible} not possible" if impossible else "")


def _study(
    study: StudyRecord, records: Mapping[str, TrialRecord], published: bool, illustrated: bool
) -> list[Section]:
    blocks: list[Block] = []
    if study.command:
        blocks += [Paragraph("Made by:"), Command(plain(study.command))]
    blocks += main_tables(study, records, published=published)
    if told := notes(study, records, published=published):
        blocks.append(Items(tuple(told)))
    if illustrated:
        blocks += figures(study, records)
    blocks += detail_tables(study, records)
    sections = [Section(plain(study.title) or study.name, 2, tuple(blocks))]
    if said := conclusions(study, records):
        sections.append(Section("What the data supports", 3, (Paragraph(" ".join(said)),)))
    return sections


def _how_measured(
    studies: Sequence[StudyRecord], records: Mapping[str, TrialRecord]
) -> list[Section]:
    trials = [trial for study in studies for _, trial in trials_of(study, records)]
    environments = measured.environment_sentences(studies, records)
    data = [f"{sentence}." for sentence in data_sentences(trials)]
    sections = [
        Section("How this was measured", 2, ()),
        Section("Machine", 3, (Items(tuple(environments)),) if environments else (_NOTHING,)),
    ]
    if data:
        sections.append(Section("Data", 3, (Items(tuple(data)), Paragraph(_seeds(trials)))))
    sections += [Section(title, 3, (table,)) for title, table in settings_tables(studies, records)]
    sections.append(Section("What the columns mean", 3, (Items(measured.DEFINITIONS),)))
    return sections


_NOTHING = Paragraph("No trial has finished.")


def _seeds(trials: Sequence[TrialRecord]) -> str:
    seeds = sorted({trial.spec.train.seed for trial in trials})
    data_seeds = sorted({trial.spec.data.data_seed for trial in trials})
    word = "seed" if len(seeds) == 1 else "seeds"
    return (
        f"Training {word} {listed(map(str, seeds))}; the validation images are a stratified part "
        f"of the training images, drawn with data seed {listed(map(str, data_seeds))}."
    )

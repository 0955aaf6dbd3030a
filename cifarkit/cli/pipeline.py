"""Take the steps of a whole study and say what each one decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cifarkit.cli.console import plain_or_rich_table, say
from cifarkit.cli.dry_run import show_plan
from cifarkit.cli.run_study import RunOptions, end, records_of, run_study, show_table
from cifarkit.store.records import Status, StudyRecord, TrialRecord
from cifarkit.store.store import Store
from cifarkit.store.studies import find, set_choice
from cifarkit.studies.config import StudyFile
from cifarkit.studies.pipeline import preview, walk
from cifarkit.studies.study import Study


def preview_study(
    file: StudyFile, settings: Mapping[str, Any], seeds: int | None, how: RunOptions
) -> None:
    """`--dry-run`: the trials that follow if every step chooses what the file assumes."""
    store = Store(how.runs)
    taken = list(preview(file, overrides=settings, seeds=seeds))
    for step in taken:
        if step.skipped:
            say(f"{step.step.title}: left out: {step.skipped}")
        if step.study is not None:
            find(store, step.study.record(""), how.name)
    planned = [step.study for step in taken if step.study is not None]
    show_plan(planned, store, strict=how.strict)


def walk_study(
    file: StudyFile,
    settings: Mapping[str, Any],
    seeds: int | None,
    how: RunOptions,
) -> None:
    """Run the steps in order; print each one's tables, then what was chosen and why."""
    store = Store(how.runs)
    statuses: dict[str, Status] = {}
    names: dict[int, str] = {}
    chosen: list[list[str]] = []

    def run_step(study: Study) -> tuple[StudyRecord, Mapping[str, TrialRecord]]:
        say(f"\nStep {study.step} of {len(file.step)}: {study.title}", "bold")
        record, ended = run_study(study, how)
        statuses.update(ended)
        names[study.step] = record.name
        show_table(record, store)
        return record, records_of(record, store)

    for taken in walk(file, overrides=settings, seeds=seeds, run_step=run_step):
        title = taken.step.title
        if taken.skipped:
            say(f"{title}: left out: {taken.skipped}")
        if taken.choice is not None and taken.study is not None:
            set_choice(store, names[taken.study.step], taken.choice)
            say(f"Chosen: {taken.choice.arm}: {taken.choice.reason}", "green")
            chosen.append([title, taken.choice.arm, taken.choice.reason])
    plain_or_rich_table("What was chosen", ["Step", "Choice", "Why"], chosen)
    end(statuses, how)

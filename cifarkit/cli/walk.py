"""Take the steps of a whole study and say what each one decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cifarkit.cli.console import plain_or_rich_table, say
from cifarkit.cli.execute import (
    How,
    command_line,
    end,
    records_of,
    run_study,
    show_table,
)
from cifarkit.cli.plan import show_plan
from cifarkit.studies.pipeline import preview, walk
from cifarkit.studies.plan_file import StudyFile
from cifarkit.studies.study import Study
from cifarkit.trials.record import Status, StudyRecord, TrialRecord
from cifarkit.trials.store import Store


def preview_study(
    file: StudyFile, settings: Mapping[str, Any], seeds: int | None, runs: Path, *, strict: bool
) -> None:
    """`--dry-run`: the trials that follow if every step chooses what the file assumes."""
    taken = list(preview(file, overrides=settings, seeds=seeds))
    for step in taken:
        if step.skipped:
            say(f"{step.step.title}: left out: {step.skipped}")
    show_plan([step.study for step in taken if step.study is not None], Store(runs), strict=strict)


def walk_study(
    file: StudyFile,
    settings: Mapping[str, Any],
    seeds: int | None,
    how: How,
) -> None:
    """Run the steps in order; print each one's tables, then what was chosen and why."""
    store = Store(how.runs)
    statuses: dict[str, Status] = {}
    chosen: list[list[str]] = []

    def run_step(study: Study) -> tuple[StudyRecord, Mapping[str, TrialRecord]]:
        say(f"\nStep {study.step} of {len(file.step)}: {study.title}", "bold")
        statuses.update(run_study(study, how))
        show_table(study, store)
        record = study.record(command_line())
        return record, records_of(record, store)

    for taken in walk(file, overrides=settings, seeds=seeds, run_step=run_step):
        title = taken.step.title
        if taken.skipped:
            say(f"{title}: left out: {taken.skipped}")
        if taken.choice is not None and taken.study is not None:
            record = taken.study.record(command_line())
            store.write_study(record.model_copy(update={"choice": taken.choice}))
            say(f"Chosen: {taken.choice.arm}: {taken.choice.reason}", "green")
            chosen.append([title, taken.choice.arm, taken.choice.reason])
    plain_or_rich_table("What was chosen", ["Step", "Choice", "Why"], chosen)
    end(statuses, how)

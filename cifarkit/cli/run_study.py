"""Running or listing a study, shared by all study commands."""

from __future__ import annotations

import shlex
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

import typer

from cifarkit.api.plan import plan_trials
from cifarkit.api.planned_study import PlannedStudy
from cifarkit.api.run import run
from cifarkit.cli.run_options import launcher_options
from cifarkit.cli.signals import Interrupted
from cifarkit.console import plain_or_rich_table, say
from cifarkit.store.records import Status
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.trials import Trials
from cifarkit.studies.study import Study


def execute(study: PlannedStudy, *, dry_run: bool, runs: Path, **options: Any) -> None:
    """Run a study's trials and print its tables to standard output.

    Exits:
        1 if some trial did not complete, 128 + n if ended by signal n; 130 for Ctrl-C.
    """
    whole = not isinstance(study.source, Study)
    options["launcher_options"] = launcher_options(options["launcher_options"])
    if dry_run:
        from cifarkit.api.power import outlook
        from cifarkit.api.power_inputs import StoredTrials
        from cifarkit.cli.dry_run import show_plan

        steps, inputs = study.steps(), study.inputs
        stored = cache(partial(StoredTrials.of, runs, None, needed=False))
        costs = plan_trials(
            steps,
            inputs,
            runs,
            name=options["name"],
            strict=options["strict"],
            finished=lambda: stored().trials,
        )
        show_plan(costs, several_steps=whole)
        if sentence := outlook(steps, inputs, stored):
            say(sentence)
        return
    try:
        results = run(study, runs, command=command_line(), on_study_done=show_tables, **options)
    except (KeyboardInterrupt, Interrupted) as error:
        say("Interrupted. Finished trials are kept; the same command resumes the others.", "yellow")
        raise typer.Exit(getattr(error, "exit_code", 130)) from None
    if whole:
        chosen = [
            [one.title, one.name_of(one.choice.arm), one.choice.reason]
            for one in results.studies
            if one.choice is not None
        ]
        plain_or_rich_table("What was chosen", ["Step", "Choice", "Why"], chosen)
    statuses = results.statuses.values()
    if failed := sum(status is not Status.COMPLETE for status in statuses):
        say(
            f"{failed} of {len(statuses)} trials did not complete; their rows say why, their "
            f"logs are in {runs}/trials/ID/log.txt. The same command tries them again.",
            "yellow",
        )
        raise typer.Exit(1)


def show_tables(study: StudyRecord, trials: Trials) -> None:
    """The study's tables, as in the report."""
    from cifarkit.reporting.study_tables import main_tables
    from cifarkit.reporting.study_view import StudyView

    for table in main_tables(StudyView(study, trials)):
        plain_or_rich_table(
            table.caption,
            table.headings,
            table.texts(),
            numeric={i for i, column in enumerate(table.columns) if column.numeric},
        )


def command_line() -> str:
    """The current command line, quoted for a shell."""
    return shlex.join(["cifarkit", *sys.argv[1:]])

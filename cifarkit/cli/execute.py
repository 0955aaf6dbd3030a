"""What every command does with its study: check, run, show."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import typer

from cifarkit.cli.console import plain_or_rich_table, say
from cifarkit.cli.progress import progress
from cifarkit.data import catalog
from cifarkit.errors import CifarkitError
from cifarkit.studies.study import Study
from cifarkit.trials.launcher import ProcessLauncher
from cifarkit.trials.record import Status
from cifarkit.trials.runner import run
from cifarkit.trials.store import Store

WORK = "cifarkit.training.trial:run_trial"


def execute(
    study: Study, *, runs: Path, jobs: int, timeout: float | None, dry_run: bool
) -> None:
    """Run a study's trials and print its table to standard output.

    Exits:
        1 if some trial did not complete, 130 if interrupted.
    """
    if dry_run:
        show_plan(study)
        return
    specs = list(study.specs())
    store = Store(runs)
    todo = [spec for spec in specs if not store.is_complete(spec.trial_id)]
    _fetch(todo)
    store.write_study(study.record(shlex.join(["cifarkit", *sys.argv[1:]])))
    try:
        with progress(study.title, {arm.specs[0].trial_id: arm.label for arm in study.arms if arm.specs}) as show:
            statuses = run(
                specs,
                store,
                ProcessLauncher(_threads(jobs)),
                work=WORK,
                jobs=jobs,
                timeout_seconds=timeout,
                on_event=show,
            )
    except KeyboardInterrupt:
        say("Interrupted. What is finished is kept; the same command goes on from here.", "yellow")
        raise typer.Exit(130) from None
    except OSError as error:
        raise CifarkitError(f"cannot write to {runs}: {error}") from None
    show_table(study, store)
    failed = sum(status is not Status.COMPLETE for status in statuses.values())
    if failed:
        say(
            f"{failed} of {len(statuses)} trials did not complete; their rows say why, their "
            f"logs are in {runs}/trials/ID/log.txt. The same command tries them again.",
            "yellow",
        )
        raise typer.Exit(1)


def show_plan(study: Study) -> None:
    """`--dry-run`: every trial with its parameters and estimated memory."""
    from cifarkit.training.plan import plan

    with_input = study.kind != "zoo"
    label = {
        spec.trial_id: arm.label for arm in study.arms for spec in arm.specs
    }
    rows = []
    for planned in plan(study.specs()):
        spec = planned.spec
        memory = planned.estimated_with_input_mb if with_input else planned.estimated_mb
        rows.append(
            [
                label[spec.trial_id],
                str(spec.model.image_size),
                f"{planned.total_params:,}",
                f"{planned.trainable_params:,}",
                f"{memory:.3f}".rstrip("0").rstrip("."),
                spec.trial_id,
            ]
        )
    rows += [[arm.label, "", "", "", "", arm.impossible] for arm in study.arms if arm.impossible]
    plain_or_rich_table(
        f"{study.title}: {len(rows)} trials, none run",
        ["Arm", "Image px", "Parameters", "Trainable", "Est. memory MB", "Trial"],
        rows,
        numeric={1, 2, 3, 4},
    )


def show_table(study: Study, store: Store) -> None:
    """The study's table, as the report has it."""
    from cifarkit.reporting.tables import main_tables

    known = set(store.trial_ids())
    records = {
        spec.trial_id: store.read(spec.trial_id)
        for spec in study.specs()
        if spec.trial_id in known
    }
    for table in main_tables(study.record(""), records):
        plain_or_rich_table(
            table.caption,
            [column.heading for column in table.columns],
            [[cell.text for cell in row] for row in table.rows],
            numeric={i for i, column in enumerate(table.columns) if column.numeric},
        )


def _fetch(specs: list) -> None:  # type: ignore[type-arg]
    """Have data and weights at hand before the first trial starts."""
    from cifarkit.training import weights

    for dataset, location in {(spec.data.dataset, spec.data.location) for spec in specs}:
        if catalog.missing(dataset, location) is not None:
            say(f"Preparing the {dataset} data ...")
            catalog.fetch(dataset, location)
    if weights.missing(spec.model for spec in specs):
        say("Fetching ImageNet weights ...")
        weights.fetch(spec.model for spec in specs)


def _threads(jobs: int) -> dict[str, str]:
    """Share the cores among jobs that run side by side, so that they do not fight."""
    if jobs == 1:
        return {}
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    return {
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
    }

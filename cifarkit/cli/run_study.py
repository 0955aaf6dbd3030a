"""What every command does with its study: check, run, show."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cifarkit import locking
from cifarkit.cli.console import plain_or_rich_table, say
from cifarkit.cli.data_notes import check_data
from cifarkit.cli.progress import progress
from cifarkit.cli.signals import Interrupted
from cifarkit.datasets import registry as dataset_registry
from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.execution.launchers import ProcessLauncher
from cifarkit.execution.resource_monitor import Limits
from cifarkit.execution.runner import run
from cifarkit.specs import TrialSpec
from cifarkit.store.file_io import check_sum
from cifarkit.store.records import Status, StudyRecord, TrialRecord
from cifarkit.store.store import KEPT_WEIGHTS, Store
from cifarkit.store.studies import find, register, trials_of
from cifarkit.store.trials import gather
from cifarkit.studies.provenance_changes import other_packages
from cifarkit.studies.study import Study
from cifarkit.text import counted

WORK = {
    "none": "cifarkit.training.trial:run_trial",
    "best": "cifarkit.training.trial:run_trial_and_keep_weights",
}


@dataclass(frozen=True)
class RunOptions:
    """How trials are run; see the options of the same names. None of it changes a result."""

    runs: Path
    jobs: int = 1
    timeout: float | None = None
    silence_timeout: float | None = None
    memory_limit: float | None = None
    oom_backoff: bool = False
    keep_weights: str = "none"
    strict: bool = False
    name: str | None = None


def execute(study: Study, *, dry_run: bool, **how: Any) -> None:
    """Run a study's trials and print its table to standard output.

    Exits:
        1 if some trial did not complete, 128 + n if ended by signal n.
    """
    settled = RunOptions(**how)
    store = Store(settled.runs)
    if dry_run:
        from cifarkit.cli.dry_run import show_plan

        find(store, study.record(""), settled.name, {spec.trial_id: spec for spec in study.specs()})
        show_plan([study], store, strict=settled.strict)
        return
    record, statuses = run_study(study, settled)
    show_table(record, store)
    end(statuses, settled)


def run_study(study: Study, how: RunOptions) -> tuple[StudyRecord, dict[str, Status]]:
    """Run what is not done of a study, with its progress on standard error.

    Returns:
        The study as the store has it, which may list more seeds, and the trials' statuses.

    Raises:
        InvalidInput: `--name` is another study's, or weights to start from are not there.

    Exits:
        128 + n if ended by signal n; 130 for Ctrl-C.
    """
    store = Store(how.runs)
    specs = list(study.specs())
    by_id = {spec.trial_id: spec for spec in specs}
    find(store, study.record(""), how.name, by_id)  # refused before anything is fetched
    files = () if how.keep_weights == "none" else (KEPT_WEIGHTS,)
    todo = [spec for spec in specs if not store.is_complete(spec.trial_id, files)]
    check_data(todo, store, strict=how.strict)
    _check_donors(todo, store)
    _fetch(todo)
    labels = {spec.trial_id: arm.label for arm in study.arms for spec in arm.specs}
    if study.rates:
        say(study.rates)
    for sentence in other_packages(specs, store):
        say(sentence, "yellow")
    try:
        record = register(store, study.record(command_line()), how.name, by_id)
        if why := locking.trouble(store.root):
            say(
                f"{why}. Lease files keep processes apart instead: a trial whose process was "
                f"killed is taken up a minute later, not at once. Use {store.root} only from "
                f"machines that mount it in the same way.",
                "yellow",
            )
        if more := len(set(trials_of(record)) - set(by_id)):
            say(
                f"{record.name} lists {counted(more, 'trial')} of earlier runs with more seeds, "
                "which stay in it."
            )
        with progress(study.title, labels) as show:
            statuses = run(
                specs,
                store,
                ProcessLauncher(_threads(how.jobs)),
                work=WORK[how.keep_weights],
                files=files,
                jobs=how.jobs,
                limits=Limits(how.timeout, how.silence_timeout, how.memory_limit),
                oom_backoff=how.oom_backoff,
                on_event=show,
            )
        return record, statuses
    except (KeyboardInterrupt, Interrupted) as error:
        say("Interrupted. What is finished is kept; the same command goes on from here.", "yellow")
        raise typer.Exit(getattr(error, "exit_code", 130)) from None
    except OSError as error:
        raise CifarkitError(f"cannot write to {store.root}: {error}") from None


def end(statuses: dict[str, Status], how: RunOptions) -> None:
    """Say what did not complete, and exit with 1 if anything did not."""
    failed = sum(status is not Status.COMPLETE for status in statuses.values())
    if failed:
        say(
            f"{failed} of {len(statuses)} trials did not complete; their rows say why, their "
            f"logs are in {how.runs}/trials/ID/log.txt. The same command tries them again.",
            "yellow",
        )
        raise typer.Exit(1)


def show_table(record: StudyRecord, store: Store) -> None:
    """The study's tables, as the report has them."""
    from cifarkit.report.study_view import StudyView
    from cifarkit.report.tables import main_tables

    for table in main_tables(StudyView(record, records_of(record, store))):
        plain_or_rich_table(
            table.caption,
            table.headings,
            table.texts(),
            numeric={i for i, column in enumerate(table.columns) if column.numeric},
        )


def records_of(study: StudyRecord, store: Store) -> dict[str, TrialRecord]:
    """The trials of a study that the store knows, by id."""
    return gather(store, [study])


def command_line() -> str:
    """This very command, as a user would type it again."""
    return shlex.join(["cifarkit", *sys.argv[1:]])


def _check_donors(specs: Sequence[TrialSpec], store: Store) -> None:
    """Refuse `--weights trial:ID` of a trial that is not there, kept no weights, or differs."""
    for spec in specs:
        if spec.model.weights.startswith("trial:"):
            donor = store.read(spec.model.weights.removeprefix("trial:"))
            if not store.is_complete(donor.trial_id, (KEPT_WEIGHTS,)):
                raise InvalidInput(
                    f"--weights: trial {donor.trial_id} has no weights; run it to its end with "
                    f"--keep-weights best"
                )
            check_sum(donor.folder, donor.state, KEPT_WEIGHTS)
            if donor.spec.model.model != spec.model.model:
                raise InvalidInput(
                    f"--weights: trial {donor.trial_id} is of {donor.spec.model.model}, which "
                    f"has no weights for {spec.model.model}"
                )


def _fetch(specs: Sequence[TrialSpec]) -> None:
    """Have data and weights at hand before the first trial starts."""
    from cifarkit.training import pretrained_weights
    from cifarkit.training.cost_estimate import import_quietly

    for dataset, location in {(spec.data.dataset, spec.data.location) for spec in specs}:
        if dataset_registry.missing(dataset, location) is not None:
            say(f"Preparing the {dataset} data ...")
            if dataset in ("cifar100", "cifar10"):
                import_quietly()  # the download is Keras'
            dataset_registry.fetch(dataset, location)
    pretrained_weights.fetch((spec.model for spec in specs), say)


def _threads(jobs: int) -> dict[str, str]:
    """Share the cores among jobs that run side by side, where that changes no result.

    Threads within an operation are left alone: their number decides how sums are split, and so how
    they are rounded. Side by side with as many as there are cores, trials take 5 to 10% more CPU
    time.
    """
    if jobs == 1:
        return {}
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    return {"OMP_NUM_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads}

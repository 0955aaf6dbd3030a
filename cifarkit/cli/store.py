"""`cifarkit store`: list, check, repair and move a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT

app = typer.Typer(no_args_is_help=True, help="List, check, repair and move the folder of results.")

Runs = Annotated[Path, typer.Option("--runs", help="The folder of results.")]


@app.command("list")
def list_trials(runs: Runs = RUNS_DEFAULT) -> None:
    """List all trials."""
    from cifarkit.api.existing_store import existing_store
    from cifarkit.console import plain_or_rich_table
    from cifarkit.reporting import trial_listing
    from cifarkit.store.trials import read_all

    store = existing_store(runs)
    rows = trial_listing.rows(read_all(store, store.trial_ids()))
    plain_or_rich_table(f"Trials in {runs}", trial_listing.HEADINGS, rows, numeric={4, 5})


@app.command("studies")
def list_studies(runs: Runs = RUNS_DEFAULT) -> None:
    """List all studies."""
    from cifarkit.api.existing_store import existing_store
    from cifarkit.console import plain_or_rich_table, say
    from cifarkit.reporting import trial_listing
    from cifarkit.store.trials import gather

    store = existing_store(runs)
    studies = store.studies(lambda error: say(f"left out: {error}", "yellow"))
    rows = trial_listing.study_rows(studies, gather(store, studies))
    plain_or_rich_table(f"Studies in {runs}", trial_listing.STUDY_HEADINGS, rows, numeric={2})


@app.command()
def show(
    target: Annotated[
        str, typer.Argument(help="A trial's id or its first letters, or a study's name.")
    ],
    runs: Runs = RUNS_DEFAULT,
) -> None:
    """Show all details of a trial or a study."""
    from cifarkit.api.existing_store import existing_store
    from cifarkit.reporting import trial_listing, trial_lookup
    from cifarkit.store.trials import gather

    store = existing_store(runs)
    study = next((study for study in store.studies() if study.name == target), None)
    if study is not None:
        parts = trial_listing.everything_of_study(study, gather(store, [study]))
    else:
        parts = trial_listing.everything(trial_lookup.named(store, target))
    typer.echo(trial_listing.as_text(parts), nl=False)


@app.command(no_args_is_help=True)
def rename(
    study: Annotated[str, typer.Argument(help="A study's name; `store studies` shows them.")],
    new: Annotated[str, typer.Argument(help="Its new name: letters, digits and dashes.")],
    runs: Runs = RUNS_DEFAULT,
) -> None:
    """Rename a study; the command that made it still resumes it."""
    from cifarkit.api.maintenance import rename_study
    from cifarkit.console import say

    rename_study(study, new, runs)
    say(f"{study} is now {new}")


@app.command()
def check(
    runs: Runs = RUNS_DEFAULT,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Set damaged files aside, so that the same commands recreate them; remove "
            "leftovers of interrupted writes; mark trials whose process died as not run.",
        ),
    ] = False,
) -> None:
    """Check every file against its checksum and schema; exit with 1 if something is wrong."""
    from cifarkit.api.existing_store import existing_store
    from cifarkit.api.maintenance import check_store
    from cifarkit.console import lines, say

    faults = 0
    for finding in check_store(runs, repair=repair):
        faults += finding.is_fault and not finding.repaired
        repaired = f": {finding.repaired}" if finding.repaired else ""
        typer.echo(lines(f"{finding.path}: {finding.problem}{repaired}"))
    if faults:
        hint = "" if repair else "; --repair sets it aside, and the same commands recreate it"
        say(f"{faults} found{hint}", "yellow")
        raise typer.Exit(1)
    say(f"{len(existing_store(runs).trial_ids())} trials are intact.", "green")


@app.command(no_args_is_help=True)
def remove(
    targets: Annotated[
        list[str], typer.Argument(help="Trials' ids or their first letters, or studies' names.")
    ],
    runs: Runs = RUNS_DEFAULT,
    force: Annotated[
        bool, typer.Option("--force", help="Also remove trials that a study lists.")
    ] = False,
) -> None:
    """Remove trials with all their files, or studies; the trials of a removed study stay."""
    from cifarkit.api.maintenance import remove_results
    from cifarkit.console import say

    removed = remove_results(targets, runs, force=force)
    if removed.trials:
        say(f"removed: {', '.join(removed.trials)}")
    for name, alone in removed.studies.items():
        rest = f"; in no other study: {', '.join(alone)}" if alone else ""
        say(f"removed: study {name}; its trials stay in the store{rest}")


@app.command("export", no_args_is_help=True)
def export_trials(
    file: Annotated[Path, typer.Argument(help="The archive to write, a .tar.gz.")],
    trials: Annotated[
        list[str] | None, typer.Argument(help="Ids, or their first letters.", show_default="all")
    ] = None,
    runs: Runs = RUNS_DEFAULT,
) -> None:
    """Write trials and their studies into one archive, to carry them to another machine."""
    from cifarkit.api.maintenance import export_trials as export
    from cifarkit.console import say
    from cifarkit.text import counted

    done = export(file, trials or (), runs)
    for trial_id, reason in done.left_out.items():
        say(f"left out: {trial_id}: {reason}", "yellow")
    say(f"{counted(len(done.trials), 'trial')} in {file}")
    if done.left_out:
        raise typer.Exit(1)


@app.command(no_args_is_help=True)
def push(
    to: Annotated[Literal["mlflow", "tensorboard"], typer.Option(help="The tracker.")],
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Trials' ids or their first letters, or studies' names.", show_default="all"
        ),
    ] = None,
    runs: Runs = RUNS_DEFAULT,
    at: Annotated[
        str | None,
        typer.Option(
            help="MLflow's tracking URI, or TensorBoard's folder.",
            show_default="$MLFLOW_TRACKING_URI; $TENSORBOARD_LOGDIR, or tensorboard",
        ),
    ] = None,
) -> None:
    """Push trials to MLflow or TensorBoard, one run per trial; pushing twice changes nothing."""
    from cifarkit.api.push import push_results
    from cifarkit.console import busy, say
    from cifarkit.text import counted

    with busy(f"Pushing to {to} ..."):
        done = push_results(to, targets or (), runs, at=at)
    for trial_id, reason in done.left_out.items():
        say(f"left out: {trial_id}: {reason}", "yellow")
    say(f"{counted(len(done.pushed), 'trial')} pushed; {len(done.kept)} there already")
    if done.left_out:
        raise typer.Exit(1)


@app.command("import", no_args_is_help=True)
def import_trials(
    file: Annotated[Path, typer.Argument(help="An archive of `cifarkit store export`.")],
    runs: Runs = RUNS_DEFAULT,
) -> None:
    """Add an archive's trials and studies; complete trials of the store are kept."""
    from cifarkit.api.maintenance import import_trials as take_in
    from cifarkit.console import say
    from cifarkit.text import counted

    done = take_in(file, runs)
    for name, reason in done.refused.items():
        say(f"refused: {name}: {reason}", "yellow")
    added = f"{counted(len(done.trials), 'trial')}, "
    added += counted(len(done.studies), "study", "studies")
    added += f", {counted(len(done.screens), 'screening')}" if done.screens else ""
    say(f"{added} added; {len(done.kept)} kept")
    if done.refused:
        raise typer.Exit(1)


@app.command(no_args_is_help=True)
def sync(
    one: Annotated[Path, typer.Argument(help="A folder of results.")],
    other: Annotated[Path, typer.Argument(help="Another one; it may be new, or mounted by ssh.")],
) -> None:
    """Copy trials and studies between two stores, both ways; nothing is copied twice."""
    from cifarkit.api.maintenance import sync_stores
    from cifarkit.console import say
    from cifarkit.text import counted, listed

    done = sync_stores(one, other)
    for folder, given in zip((one, other), done.into, strict=True):
        for name, reason in given.refused.items():
            say(f"refused: {name}: {reason}", "yellow")
        trials, studies = len(given.trials), len(given.studies)
        say(f"{folder}: {counted(trials, 'trial')}, {counted(studies, 'study', 'studies')} added")
    say(f"{done.copied_bytes / 2**20:,.1f} MB copied")
    if done.unlike:
        say(
            f"{listed(done.unlike)}: complete in both with other results; each keeps its own.",
            "yellow",
        )
    if any(given.refused for given in done.into):
        raise typer.Exit(1)

"""`cifarkit study`: a whole study, each step building on what the one before chose."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cifarkit.cli.setting_options import shared


@shared(seeds_default=None)
def study(
    *,
    plan: Annotated[
        str, typer.Argument(help="published, quick, or the path of a study file.")
    ] = "published",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a study file.")
    ] = False,
    settings: dict[str, Any],
    run: dict[str, Any],
) -> None:
    """Run a whole study: networks, size, augmentation, depth, dropout, ... the final model.

    Every choice is made on validation images and written down with its reason.
    """
    from cifarkit.studies.config import StudyFile, read

    if schema:
        import json

        typer.echo(json.dumps(StudyFile.model_json_schema(), indent=2))
        return
    from cifarkit.cli.pipeline import preview_study, walk_study
    from cifarkit.cli.run_study import RunOptions

    file = read(plan)
    if run["name"] is not None:
        file = file.model_copy(update={"name": run["name"]})
    seeds = run.pop("seeds")
    if run.pop("dry_run"):
        preview_study(file, settings, seeds, RunOptions(**run))
    else:
        walk_study(file, settings, seeds, RunOptions(**run))

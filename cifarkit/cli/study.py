"""`cifarkit study`: a study file, whose steps build on earlier choices."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cifarkit.cli.setting_options import shared


@shared(seeds_default=None)
def study(
    *,
    plan: Annotated[
        str, typer.Argument(help="published, quick, best, or the path of a study file.")
    ] = "published",
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published",
            help="Go on with what the file assumes of each step, whatever the validation images "
            "say, so that every table compares with the published one.",
        ),
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a study file.")
    ] = False,
    **settings: Any,
) -> Any:
    """Run a whole study: networks, size, augmentation, depth, dropout, ... the final model.

    The setting with the highest validation accuracy goes on to the next step; every choice is
    written down with its reason.
    """
    if schema:
        import json

        from cifarkit.api.studies import study_schema

        return typer.echo(json.dumps(study_schema(), indent=2))
    from cifarkit.api.studies import study as plan_study

    return plan_study(plan, as_published=as_published, **settings)

"""`cifarkit zoo`: compare networks."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cifarkit.cli.setting_options import comma_separated, shared


@shared()
def zoo(
    *,
    models: Annotated[
        str | None,
        typer.Option(
            help="Networks, comma-separated, or 'all'.",
            show_default="the published 13",
        ),
    ] = None,
    list_models: Annotated[
        bool, typer.Option("--list", help="List all networks with their properties.")
    ] = False,
    **settings: Any,
) -> Any:
    """Compare networks: memory, parameters, time, accuracy."""
    if list_models:
        from cifarkit.cli.backbone_table import show_backbones

        return show_backbones()
    from cifarkit.api.studies import zoo as plan_zoo
    from cifarkit.models.registry import STUDY

    chosen = STUDY if models is None else comma_separated(models, "--models")
    return plan_zoo(chosen, **settings)

"""`cifarkit zoo`: compare networks."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cifarkit.cli.setting_options import comma_separated, shared
from cifarkit.errors import InvalidInput


@shared()
def zoo(
    *,
    models: Annotated[
        str | None,
        typer.Option(
            help="Networks, comma-separated, or 'all'; hub:NAME or hub:FOLDER for KerasHub's.",
            show_default="the published 13",
        ),
    ] = None,
    list_models: Annotated[
        bool, typer.Option("--list", help="List all networks with their properties.")
    ] = False,
    hub: Annotated[
        bool, typer.Option("--hub", help="With --list: KerasHub's image backbones instead.")
    ] = False,
    **settings: Any,
) -> Any:
    """Compare networks: memory, parameters, time, accuracy."""
    if hub:
        from cifarkit.cli.backbone_table import show_hub_presets

        if not list_models:
            raise InvalidInput("--hub goes with --list; a preset is trained with --models hub:NAME")
        return show_hub_presets()
    if list_models:
        from cifarkit.cli.backbone_table import show_backbones

        return show_backbones()
    from cifarkit.api.studies import zoo as plan_zoo
    from cifarkit.models.registry import STUDY

    chosen = STUDY if models is None else comma_separated(models, "--models")
    return plan_zoo(chosen, **settings)

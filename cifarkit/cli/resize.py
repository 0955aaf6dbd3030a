"""`cifarkit resize-study`: find the input size."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cifarkit.cli.setting_options import comma_separated, numbers, shared


@shared(without=("image_size",))
def resize_study(
    *,
    models: Annotated[
        str, typer.Option(help="Networks, comma-separated.")
    ] = "densenet169,densenet201",
    sizes: Annotated[
        str, typer.Option(help="Image sizes in pixels, comma-separated.")
    ] = "32,78,96,128",
    **settings: Any,
) -> Any:
    """Find the input size: every network at every size."""
    from cifarkit.api.studies import resize_study as plan_resize_study

    networks, pixels = comma_separated(models, "--models"), numbers(sizes, "--sizes", int)
    return plan_resize_study(networks, sizes=pixels, **settings)

"""`cifarkit sweep`: vary any setting."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cifarkit.cli.setting_options import shared


def _complete(incomplete: str) -> list[str]:
    from cifarkit.studies.sweep import names

    return [name for name in names() if name.startswith(incomplete)]


@shared()
def sweep(
    *,
    parameters: Annotated[
        list[str],
        typer.Argument(
            metavar="PARAMETER VALUE...",
            help="What to vary, and the values to try: dropout 0.15 0.25 0.5. Several make a "
            "grid: dropout 0.3 0.5 lr 1e-5 1e-4.",
            autocompletion=_complete,
        ),
    ],
    model: Annotated[str, typer.Option(help="The network.")] = "densenet201",
    **settings: Any,
) -> Any:
    """Vary any setting of a training: dropout, learning-rate, batch-size, optimizer ..."""
    from cifarkit.api.studies import sweep as plan_sweep
    from cifarkit.studies.sweep import parse_axes

    return plan_sweep(parse_axes(parameters), model=model, **settings)

"""`cifarkit finetune`: find the fine-tuning depth."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cifarkit.cli.setting_options import numbers, shared


@shared(without=("unfreeze",))
def finetune(
    *,
    model: Annotated[str, typer.Option(help="The network.")] = "densenet201",
    unfreeze: Annotated[
        str,
        typer.Option(help="Fractions of the backbone's layers to train, counted from its end."),
    ] = "0,0.1,0.2,1",
    **settings: Any,
) -> Any:
    """Find the fine-tuning depth: how much of the backbone to train."""
    from cifarkit.api.studies import finetune as plan_finetune

    return plan_finetune(model, fractions=numbers(unfreeze, "--unfreeze", float), **settings)

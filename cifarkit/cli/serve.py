"""`cifarkit serve`: a trained network over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT


def serve(
    model: Annotated[
        str,
        typer.Argument(
            help="A trial's id or its first letters; a study's name, for what it chose; 'best'; or "
            "the path of what `export` wrote.",
        ),
    ],
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 for other machines, too.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8000,
    max_mb: Annotated[float, typer.Option(help="Refuse larger uploads.")] = 10.0,
    max_megapixels: Annotated[
        float, typer.Option(help="Refuse larger images before they are decoded.")
    ] = 50.0,
    batch_size: Annotated[int, typer.Option(help="The most images computed at once.")] = 32,
) -> None:
    """Serve a trained network: POST /predict takes an image, GET / is a page to drop one on.

    /healthz says what is served, /metrics is for Prometheus. There is no authentication.
    """
    from cifarkit.api.serve import serve as serve_model

    serve_model(
        model,
        runs,
        host=host,
        port=port,
        max_mb=max_mb,
        max_megapixels=max_megapixels,
        batch_size=batch_size,
    )

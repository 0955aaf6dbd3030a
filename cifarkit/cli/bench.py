"""`cifarkit bench`: how fast trained networks predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT


def bench(
    models: Annotated[
        list[str],
        typer.Argument(
            help="A trial's id or its first letters; a study's name, for what it chose; 'best'; or "
            "the path of what `export` wrote. Several of these; or 'all', with --study.",
        ),
    ],
    runs: Annotated[Path, typer.Option(help="The folder of results.")] = RUNS_DEFAULT,
    study: Annotated[
        str | None, typer.Option(help="The study of which 'all' measures a trial of each setting.")
    ] = None,
    batch: Annotated[str, typer.Option(help="Images per call: 1,32.")] = "1,32",
    runtime: Annotated[
        str | None,
        typer.Option(
            help="keras, savedmodel, onnx, litert; several with commas. A trial is exported for "
            "all but keras.",
            show_default="keras, or an exported model's own",
        ),
    ] = None,
) -> None:
    """Measure latency, images per second, memory and size of trained networks.

    Each measurement has a fresh process, and is kept in the store for the report.
    """
    from cifarkit.api.bench import bench as measure
    from cifarkit.cli.setting_options import comma_separated
    from cifarkit.console import plain_or_rich_table, say
    from cifarkit.errors import InvalidInput
    from cifarkit.text import listed

    sizes = comma_separated(batch, "--batch")
    if not all(size.isdecimal() for size in sizes):
        raise InvalidInput(f"--batch: give whole numbers such as 1,32, got {batch!r}")
    done = measure(
        models,
        runs,
        study=study,
        batch=[int(size) for size in sizes],
        runtime=comma_separated(runtime, "--runtime") if runtime else None,
    )
    rows = [
        [
            one.network,
            one.trial_id,
            one.measured.runtime,
            str(one.measured.batch_size),
            *(f"{value:,.2f}" for value in (
                one.measured.p50_ms, one.measured.p95_ms, one.measured.p99_ms
            )),
            f"{one.measured.images_per_second:,.0f}",
            f"{one.measured.peak_rss_mb:,.0f}",
            f"{one.measured.size_bytes / 1e6:,.2f}",
        ]
        for one in done.rows
    ]  # fmt: skip
    heading = ["Network", "Trial", "Runtime", "Batch", "p50 (ms)", "p95 (ms)", "p99 (ms)",
               "Images/s", "Peak RSS (MB)", "Size (MB)"]  # fmt: skip
    hardware = listed({one.measured.hardware: None for one in done.rows})
    plain_or_rich_table(f"Inference on {hardware}", heading, rows, numeric=set(range(3, 10)))
    say("Peak RSS is of the whole process, Python and the runtime included.")
    if done.left_out:
        raise typer.Exit(1)

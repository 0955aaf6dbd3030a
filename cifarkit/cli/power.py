"""`cifarkit power`: how many seeds a comparison needs, what a planned study will see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cifarkit.cli.run_options import RUNS_DEFAULT


def power(
    plan: Annotated[
        str | None,
        typer.Argument(
            help="published, quick, best or a study file: what it will be able to see.",
            show_default=False,
        ),
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(help="How many seeds it takes to see this difference, in points of accuracy."),
    ] = None,
    settings: Annotated[
        int | None,
        typer.Option(help="How many settings are compared.", show_default="2, or the plan's"),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(help="Test images.", show_default="those of the trials, and some other"),
    ] = None,
    seed_sd: Annotated[
        float | None,
        typer.Option(
            help="Standard deviation over seeds of a run's expected accuracy, in points.",
            show_default="from the trials",
        ),
    ] = None,
    disagreement: Annotated[
        float | None,
        typer.Option(
            help="Share (0 to 1) of test images on which just one of two runs of a setting is "
            "right.",
            show_default="from the trials",
        ),
    ] = None,
    between: Annotated[
        float | None,
        typer.Option(
            help="The same of two runs of different settings.", show_default="from the trials"
        ),
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="The folder of results, for what is not given and for the hours.")
    ] = RUNS_DEFAULT,
    study: Annotated[
        str | None,
        typer.Option(help="Only the trials of this study, by its name.", show_default="all"),
    ] = None,
) -> None:
    """How many seeds it takes to see a difference, or what a planned study will be able to see.

    To see is to call the better setting better, with a probability of 0.8. Values that are not
    given are estimated from trials that were repeated with other seeds.
    """
    from cifarkit.api.power import points
    from cifarkit.api.power import power as analyse
    from cifarkit.console import plain_or_rich_table, say
    from cifarkit.evaluation.power import MOST_SEEDS, POWER
    from cifarkit.reporting.formatting import GAP, significant

    found = analyse(
        plan,
        difference=difference,
        settings=settings,
        images=images,
        seed_sd=seed_sd,
        disagreement=disagreement,
        between=between,
        store=runs,
        study=study,
    )
    lead = [] if plan is None else ["Step"]
    seeds = "Seeds each"
    if difference is not None:
        seeds = f"Seeds to see {difference:g} {'point' if difference == 1 else 'points'}"
    header = [*lead, "Settings", "Test images", seeds, "Smallest seen (points)", "Trainings"]
    header.append("Hours")
    rows = [
        [
            *([row.step] * len(lead)),
            str(row.settings),
            f"{row.test_images:,}",
            f"over {MOST_SEEDS}" if row.seeds is None else str(row.seeds),
            points(row.smallest_difference),
            GAP if row.trainings is None else f"{row.trainings:,}",
            GAP if row.hours is None else significant(row.hours, 2),
        ]
        for row in found.rows
    ]
    plain_or_rich_table(
        f"Differences seen with a probability of {POWER:g}",
        header,
        rows,
        numeric=set(range(len(lead), len(header))),
    )
    for sentence in found.assumptions:
        say(sentence)

"""`--dry-run`: the trials of a study as a table."""

from __future__ import annotations

from collections.abc import Sequence

from cifarkit.api.plan import TrialCost
from cifarkit.api.progress_messages import in_words
from cifarkit.console import plain_or_rich_table


def show_plan(costs: Sequence[TrialCost], *, several_steps: bool) -> None:
    """Print the trials to standard output."""
    rows = []
    for cost in costs:
        if cost.trial is None:
            row = [cost.arm, "", "", "", "", "", cost.status]
        else:
            when = cost.status or (in_words(cost.expected_seconds) if cost.expected_seconds else "")
            memory = f"{cost.estimated_memory_mb:.3f}".rstrip("0").rstrip(".")
            row = [cost.arm, str(cost.image_size), f"{cost.parameters:,}"]
            row += [f"{cost.trainable_parameters:,}", memory, when, cost.trial]
        rows.append([cost.step, *row] if several_steps else row)
    trials = [cost for cost in costs if cost.trial is not None]
    seconds = [cost.expected_seconds for cost in trials]
    total = None if None in seconds else sum(second or 0.0 for second in seconds)
    until = f", at most {in_words(total)}" if total else ""
    header = ["Arm", "Image px", "Parameters", "Trainable", "Est. memory MB", "At most", "Trial"]
    plain_or_rich_table(
        f"{len(trials)} trials, none run{until}",
        ["Step", *header] if several_steps else header,
        rows,
        numeric={n + several_steps for n in range(1, 6)},
    )

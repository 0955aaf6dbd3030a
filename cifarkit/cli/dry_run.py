"""`--dry-run`: the trials of a study as a table for each of its steps."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby

from cifarkit.api.plan import TrialCost
from cifarkit.api.progress_messages import in_words
from cifarkit.console import plain_or_rich_table, say
from cifarkit.reporting import formatting
from cifarkit.reporting.arm_results import model_name
from cifarkit.reporting.hyperparameters import differing
from cifarkit.text import counted


def show_plan(costs: Sequence[TrialCost], *, several_steps: bool) -> None:
    """Print the trials to standard output, with a column for every setting that differs."""
    for (step, _), rows in groupby(costs, lambda cost: (cost.step, cost.axes)):
        _show_step(step, list(rows), several_steps)
    expected = {cost.trial: cost.expected_seconds for cost in reversed(costs) if cost.trial}
    seconds = list(expected.values())
    total = None if None in seconds else sum(second or 0.0 for second in seconds)
    until = f", at most {in_words(total)}" if total else ""
    say(f"{counted(len(expected), 'trial')}, none run{until}")


def _show_step(step: str, costs: Sequence[TrialCost], several_steps: bool) -> None:
    axes = costs[0].axes
    varied = differing([cost.settings for cost in costs])
    heads = {head for cost in costs if (head := cost.settings.get("head_outputs"))}
    if len(axes) == 1:  # the arms are called by it
        varied = [name for name in varied if name != axes[0]]
    # Through a pipe, a table has no title.
    lead = ["Step"] if several_steps and not sys.stdout.isatty() else []
    rows = []
    for cost in costs:
        row = [step] * len(lead) + [cost.arm]
        row += [_text(cost, name) for name in varied]
        counts = (cost.parameters, cost.trainable_parameters, cost.non_trainable_parameters)
        row += ["" if count is None else f"{count:,}" for count in counts]
        memory = cost.estimated_memory_mb
        row.append("" if memory is None else formatting.megabytes(memory))
        when = in_words(cost.expected_seconds) if cost.expected_seconds else ""
        rows.append([*row, cost.status or when, cost.trial or ""])
    settings = [formatting.heading(name) for name in varied]
    arm = formatting.heading(axes[0]) if len(axes) == 1 else "Arm"
    parameters = f"Parameters (head of {heads.pop()})" if len(heads) == 1 else "Parameters"
    header = [*lead, arm, *settings, parameters, "Trainable", "Not trainable", "Est. memory MB"]
    plain_or_rich_table(
        f"{step}: {counted(sum(cost.trial is not None for cost in costs), 'trial')}",
        [*header, "At most", "Trial"],
        rows,
        numeric=set(range(len(lead) + 1 + len(varied), len(header))),
    )


def _text(cost: TrialCost, name: str) -> str:
    if name not in cost.settings:
        return ""
    value = cost.settings[name]
    return model_name(value) if name == "model" else formatting.setting(name, value)

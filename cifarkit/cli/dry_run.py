"""`--dry-run`: the trials of a study as a table for each of its steps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby

from cifarkit.api.plan import IF_NEEDED, TrialCost
from cifarkit.api.progress_messages import in_words
from cifarkit.console import plain_or_rich_table, say
from cifarkit.reporting import formatting
from cifarkit.reporting.hyperparameters import differing
from cifarkit.store.setting_words import heading, model_name, value_text
from cifarkit.text import counted, unique


def show_plan(costs: Sequence[TrialCost], *, several_steps: bool) -> None:
    """Print the trials to standard output, with a column for every setting that differs."""
    certain = [cost for cost in costs if cost.status != IF_NEEDED]
    for (step, _), rows in groupby(certain, lambda cost: (cost.step, cost.axes)):
        _show_step(step, list(rows), several_steps)
    number, until = _total(certain)
    say(f"{number}, none run{until}")
    if len(certain) < len(costs):
        most, until = _total(costs)
        say(f"Seeds are added only where they are needed: {most} if everywhere{until}")


def _total(costs: Sequence[TrialCost]) -> tuple[str, str]:
    """How many trials, and how long they take at most, if that is known."""
    expected = {cost.trial: cost.expected_seconds for cost in reversed(costs) if cost.trial}
    seconds = list(expected.values())
    total = None if None in seconds else sum(second or 0.0 for second in seconds)
    return counted(len(expected), "trial"), f", at most {in_words(total)}" if total else ""


def _show_step(step: str, costs: Sequence[TrialCost], several_steps: bool) -> None:
    axes = costs[0].axes
    columns: list[tuple[str, Callable[[TrialCost], str]]] = []
    if several_steps and not sys.stdout.isatty():  # through a pipe, a table has no title
        columns.append(("Step", lambda cost: cost.step))
    if len(axes) < 2:  # of several axes, each has its column
        columns.append(
            (heading(axes[0]) if axes else "Arm", lambda cost: cost.arm),
        )
    # The parameters depend on the head.
    names = unique([*axes, *differing([cost.settings for cost in costs]), "head_outputs"])
    columns += [(heading(name), partial(_setting, name=name)) for name in names if (name,) != axes]
    costs_from = len(columns)
    columns += [
        ("Parameters", lambda cost: _count(cost.parameters)),
        ("Trainable", lambda cost: _count(cost.trainable_parameters)),
        ("Not trainable", lambda cost: _count(cost.non_trainable_parameters)),
        ("Est. memory MB", _memory),
        ("At most", _status),
        ("Trial", lambda cost: cost.trial or ""),
    ]
    numbers = {heading for heading, _ in columns[costs_from : costs_from + 4]}
    texts = {heading: [text(cost) for cost in costs] for heading, text in columns}
    same = _same_in_all(texts) if sys.stdout.isatty() else {}
    headings = [heading for heading in texts if heading not in same]
    plain_or_rich_table(
        f"{step}: {counted(sum(cost.trial is not None for cost in costs), 'trial')}",
        headings,
        list(zip(*(texts[heading] for heading in headings), strict=True)),
        numeric={index for index, heading in enumerate(headings) if heading in numbers},
    )
    if stated := [f"{heading} {value}" for heading, value in same.items() if value]:
        print(f"In all rows: {', '.join(stated)}.")


def _same_in_all(texts: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Columns behind the first that say the same in every row, which a terminal has no room for."""
    if len(next(iter(texts.values()))) < 2:
        return {}
    _, *others = texts
    return {name: texts[name][0] for name in others if len({*texts[name]}) == 1}


def _setting(cost: TrialCost, name: str) -> str:
    if name not in cost.settings:
        return ""
    value = cost.settings[name]
    return model_name(value) if name == "model" else value_text(name, value)


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _memory(cost: TrialCost) -> str:
    memory = cost.estimated_memory_mb
    return "" if memory is None else formatting.megabytes(memory)


def _status(cost: TrialCost) -> str:
    return cost.status or (in_words(cost.expected_seconds) if cost.expected_seconds else "")

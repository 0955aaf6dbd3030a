"""Sentences on how seeds were added until a comparison was settled."""

from __future__ import annotations

from collections.abc import Mapping

from cifarkit.evaluation.comparison import LEVEL, Runs
from cifarkit.evaluation.sequential import Sequential
from cifarkit.text import counted, listed


def procedure_sentences(state: Sequential, runs: Mapping[str, Runs]) -> tuple[str, ...]:
    """The procedure, where it has got to, and what it does not use, in reading order.

    Args:
        runs: By arm, all that there are.
    """
    looks = state.looks
    spent = listed(f"{100 * look.level:.2g}% at {look.seeds}" for look in looks)
    written = [
        f"Seeds were added until the comparison was settled, up to {looks[-1].seeds}; a setting "
        "that these images showed to be worse than the leader got no more. The "
        f"{100 * LEVEL:.0f}% chance of any false difference was spent in proportion to the seeds: "
        f"{spent} (Lan & DeMets 1983)."
    ]
    if state.conclusion is None:
        return (*written, f"{_to_come(state)} Nothing is compared before it.")
    used = {score.arm: score.runs for score in state.conclusion.scores}
    last = looks[state.taken - 1].seeds
    total = (
        f"{counted(sum(used.values()), 'run')}; {last} seeds of each setting are {last * len(used)}"
    )
    if state.settled:
        written.append(f"It was settled at {last} seeds, with {total}.")
    elif state.next is None:
        written.append(f"At the limit of {last} seeds it was not settled, with {total}.")
    else:
        written.append(_to_come(state))
    if more := [
        f"{arm} has {len(runs[arm])}, of which {count} count"
        for arm, count in used.items()
        if len(runs[arm]) > count
    ]:
        written.append(f"Seeds beyond a setting's last look are not used: {listed(more)}.")
    return tuple(written)


def progress_sentence(state: Sequential) -> str:
    """What the last look showed and what is run next."""
    found = state.conclusion
    if found is None or not found.same_images:
        return "There is nothing to compare, so no seeds are added."
    known = {*state.left, *found.dropped}
    worse = [one.arm for one in found.comparisons if one.arm not in known]
    at = f"At {state.looks[state.taken - 1].seeds} seeds {found.reference} leads"
    shown = f"; shown worse: {listed(worse)}" if worse else ""
    if state.settled:
        return f"{at}{shown}. The comparison is settled."
    if state.next is None:
        return f"{at}{shown}. That is the limit; the comparison is not settled."
    return f"{at}{shown}. Going on to {state.next.seeds} seeds of {listed(state.left)}."


def _to_come(state: Sequential) -> str:
    assert state.next is not None
    arms = "every setting" if state.conclusion is None else listed(state.left)
    return f"The look at {state.next.seeds} seeds of {arms} is not complete."

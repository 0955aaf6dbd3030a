"""Conclusions as English sentences that claim no more than the comparisons support."""

from __future__ import annotations

from collections.abc import Sequence

from cifarkit.evaluation.comparison import LEVEL, Comparison, Conclusion, Score

_SMALLEST_P = 0.001


def sentences(conclusion: Conclusion, axis: str = "", split: str = "test") -> tuple[str, ...]:
    """The conclusion as sentences, in reading order.

    Args:
        conclusion: Its arms' labels are used as they stand.
        axis: What the labels are values of, put before the reference's (`dropout`); empty where
            they speak for themselves (names of networks).
        split: Which images were scored: `test`, or `validation`.
    """
    written = []
    if not conclusion.scores:
        written.append("No arm has a finished run: there is nothing to conclude.")
    elif not conclusion.same_images:
        written += _each_by_itself(conclusion, axis, split)
    elif not conclusion.comparisons:
        written += _nothing_compared(conclusion, axis, split)
    else:
        written += _opening(conclusion, axis, split)
        written += _findings(conclusion)
        written += _limits(conclusion)
    if conclusion.uncompared:
        written.append(
            f"{_listed(conclusion.uncompared)} {_has(conclusion.uncompared)} no seed in common "
            f"with {conclusion.reference} and {_be(conclusion.uncompared)} not compared with it."
        )
    if conclusion.missing and conclusion.scores:
        written.append(
            f"{_listed(conclusion.missing)} {_has(conclusion.missing)} no finished run and "
            f"{_be(conclusion.missing)} left out."
        )
    return tuple(written)


def _each_by_itself(conclusion: Conclusion, axis: str, split: str) -> list[str]:
    each = "; ".join(
        f"{_named(score, axis)} {_with_interval(score)}" for score in conclusion.scores
    )
    return [
        f"The arms were scored on different {split} images, so no comparison between them is "
        f"defined; their accuracies, each by itself with its 95% interval: {each}."
    ]


def _nothing_compared(conclusion: Conclusion, axis: str, split: str) -> list[str]:
    each = "; ".join(
        f"{_named(score, axis)} {_with_interval(score)}" for score in conclusion.scores
    )
    return [f"Accuracy on {split} images, with its 95% interval: {each}.", "Nothing was compared."]


def _opening(conclusion: Conclusion, axis: str, split: str) -> list[str]:
    scores = {score.arm: score for score in conclusion.scores}
    top = scores[conclusion.reference or ""]
    fewest = min(score.runs for score in scores.values())
    most = max(score.runs for score in scores.values())
    if most == 1:
        trained = "one trained model per arm"
    elif fewest == most:
        trained = f"{most} seeds per arm"
    else:
        trained = f"{fewest} to {most} seeds per arm"
    start = f"On {top.images:,} {split} images, {trained},"
    accuracy = f"{'mean ' if top.runs > 1 else ''}accuracy {top.accuracy:.3f}"
    if not conclusion.chosen:
        return [f"{start} the reference is {_named(top, axis)} ({accuracy})."]
    level = [
        score.arm
        for score in scores.values()
        if score.accuracy == top.accuracy and score.arm != top.arm
    ]
    if level:
        return [f"{start} {_named(top, axis)} and {_listed(level)} scored highest ({accuracy})."]
    return [f"{start} {_named(top, axis)} scored highest ({accuracy})."]


def _findings(conclusion: Conclusion) -> list[str]:
    """The verdicts, with the winner as subject if it was chosen, else the other arms."""
    if conclusion.chosen:
        subject = f"{conclusion.reference} is"
        opposite = {"worse": "better than", "not distinguishable": "not distinguishable from"}
        written = []
        for verdict, relation in opposite.items():
            found = [one for one in conclusion.comparisons if one.verdict == verdict]
            if found:
                kind = _of_models(found) if verdict == "worse" else ""
                written.append(f"{kind}{subject} {relation} {_with_numbers(found, -1)}.")
        return [*written, _single_best(conclusion)]
    written = []
    for verdict in ("better", "worse", "not distinguishable"):
        found = [one for one in conclusion.comparisons if one.verdict == verdict]
        if found:
            joint = "from" if verdict == "not distinguishable" else "than"
            kind = "" if verdict == "not distinguishable" else _of_models(found)
            stated = f"{kind}{verdict} {joint} {conclusion.reference}"
            written.append(f"{stated[0].upper()}{stated[1:]}: {_with_numbers(found, 1)}.")
    return written


def _single_best(conclusion: Conclusion) -> str:
    if conclusion.best is None:
        return "The data do not single out a best one."
    kind = " trained models" if _of_models(conclusion.comparisons) else ""
    return f"The data single out {conclusion.best} as the best of {len(conclusion.scores)}{kind}."


def _of_models(found: Sequence[Comparison]) -> str:
    """Qualifies every claim about trained models, since a sentence may be quoted alone."""
    return "As trained models, " if all(one.method == "models" for one in found) else ""


def _limits(conclusion: Conclusion) -> list[str]:
    """The methods used, and what they could not have shown."""
    models = [found for found in conclusion.comparisons if found.method == "models"]
    several = [found for found in conclusion.comparisons if found.method == "settings"]
    written = []
    if conclusion.family > 1:
        written.append(f"p is adjusted for {conclusion.family} comparisons (Holm).")
    if models:
        which = "Each comparison" if not several else f"With {_listed([m.arm for m in models])} it"
        written.append(
            f"{which} is of these two trained models (exact McNemar test), not of their settings, "
            "which other seeds could rank otherwise."
        )
    if several:
        written.append(
            "Seeds are paired; intervals resample seeds and images, and p is the larger of a "
            "sign-flip test over the seeds and a test over seeds and images."
        )
    if conclusion.seeds_needed is not None:
        most = max(found.runs for found in several)
        count = conclusion.family
        over = "" if count == 1 else f" over {count} comparisons"
        written.append(
            f"{most} seeds cannot show a difference at the {LEVEL:.0%} level{over}: at least "
            f"{conclusion.seeds_needed} are needed."
        )
    return written


def _with_numbers(found: Sequence[Comparison], sign: int) -> str:
    return _listed([f"{one.arm} ({_numbers(one, sign)})" for one in found])


def _numbers(found: Comparison, sign: int) -> str:
    ends = sorted((sign * found.low, sign * found.high))
    difference, low, high = _signed([sign * found.difference, *ends])
    p = found.adjusted_p
    shown = f"p < {_SMALLEST_P}" if p < _SMALLEST_P else f"p = {_p_digits(p)}"
    return f"difference {difference}, 95% interval {low} to {high}, {shown}"


def _signed(values: Sequence[float]) -> list[str]:
    """Signed, with three decimals, or four where three would show a nonzero value as zero."""
    places = 4 if any(0 < abs(value) < 0.0005 for value in values) else 3
    return [f"{round(value, places):+z.{places}f}" if value else "0" for value in values]


def _p_digits(p: float) -> str:
    """Two significant digits, but never rounded across the level that decides the verdict."""
    shown = f"{p:.2g}"
    return shown if (float(shown) < LEVEL) == (p < LEVEL) else f"{p:.4g}"


def _with_interval(score: Score) -> str:
    mean = f"mean of {score.runs} seeds, " if score.runs > 1 else ""
    return (
        f"{score.accuracy:.3f} ({mean}{score.low:.3f} to {score.high:.3f}, {score.images:,} images)"
    )


def _named(score: Score, axis: str) -> str:
    return f"{axis} {score.arm}".strip()


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _be(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"

"""Conclusions as English sentences that claim no more than the comparisons support."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product

from cifarkit.evaluation.comparison import EQUIVALENCE, Comparison, Conclusion
from cifarkit.text import listed, percentage_points, unique


def sentences(
    conclusion: Conclusion,
    equivalence: float = EQUIVALENCE,
    seeds_needed: str = "",
    vary_split: bool = False,
    limits: bool = True,
) -> tuple[str, ...]:
    """The conclusion as sentences, in reading order.

    Args:
        conclusion: Its arms' labels are used as they stand: "dropout 0.5", not "0.5".
        equivalence: The difference in accuracy below which two arms are called equal.
        seeds_needed: A sentence on how many seeds would tell settings apart; used where models
            alone can be compared.
        vary_split: Whether each seed has its own split, so that settings are compared over splits.
        limits: Whether to end with what the intervals hold for, which is alike in many studies.
    """
    written = []
    if not conclusion.scores:
        written.append("No setting has a finished run: there is nothing to conclude.")
    elif not conclusion.same_images:
        written.append(
            f"The settings were scored on different test images, so no comparison between them "
            f"is defined; their accuracies, each by itself with its 95% interval: "
            f"{_each(conclusion)}."
        )
    elif not conclusion.comparisons:
        written += [
            f"Accuracy on test images, with its 95% interval: {_each(conclusion)}.",
            "Nothing was compared.",
        ]
    else:
        written.append(_opening(conclusion))
        leaders = (one.reference for one in conclusion.comparisons)
        references = unique((conclusion.reference or "", *leaders))
        for of, reference in product(("setting", "model"), references):
            found = [
                one for one in conclusion.comparisons if one.of == of and one.reference == reference
            ]
            written += _findings(found, reference, equivalence, conclusion.dropped)
        written += _best(conclusion)
        if limits:
            written += _limits(conclusion, seeds_needed, vary_split)
    if conclusion.missing and conclusion.scores:
        written.append(
            f"{listed(conclusion.missing)} {_one_or_more(conclusion.missing, 'has', 'have')} no "
            f"finished run and {_one_or_more(conclusion.missing, 'is', 'are')} left out."
        )
    return tuple(sentence[0].upper() + sentence[1:] for sentence in written)


def _each(conclusion: Conclusion) -> str:
    return "; ".join(
        f"{score.arm}: {score.accuracy:.3f} ({f'mean of {score.runs} seeds, ' * (score.runs > 1)}"
        f"{score.low:.3f} to {score.high:.3f} for the {score.of}, {score.images:,} images)"
        for score in conclusion.scores
    )


def _opening(conclusion: Conclusion) -> str:
    scores = conclusion.scores
    top = next(score for score in scores if score.arm == conclusion.reference)
    fewest, most = (pick(score.runs for score in scores) for pick in (min, max))
    trained = f"{fewest} to {most} seeds each" if fewest < most else f"{most} seeds each"
    if most == 1:
        trained = "one trained model each"
    left = [score for score in scores if score.arm not in conclusion.dropped]
    level = [score.arm for score in left if score.accuracy == top.accuracy]
    verb = "has" if len(level) == 1 else "share"
    mean = "mean " if top.runs > 1 else ""
    of = f"the {len(left)} left of {len(scores)}" if conclusion.dropped else str(len(scores))
    return (
        f"On {top.images:,} test images, {trained}, {listed(level)} {verb} the highest {mean}"
        f"accuracy of {of}: {top.accuracy:.3f}."
    )


def _findings(
    found: Sequence[Comparison], reference: str, equivalence: float, dropped: Collection[str]
) -> list[str]:
    """The reference against those it is better than, equal to, and not known to differ from."""
    start = reference
    if found and found[0].of == "model":
        start = f"As trained models, {reference}"
    within = f"equal within {percentage_points(equivalence)}"
    differ = {
        verdict: [one for one in found if one.verdict == verdict] for verdict in ("worse", "better")
    }
    close = [one for one in found if one.verdict == "not distinguishable"]
    equal = [one for one in close if one.equal_within(equivalence)]
    unknown = [one for one in close if one not in equal]
    written = []
    for verdict, relation in (("worse", "better"), ("better", "worse")):
        if differ[verdict]:
            named = [
                _with_numbers(
                    one,
                    "by",
                    within * one.equal_within(equivalence),
                    f"shown with {one.runs} seeds each" * (one.arm in dropped),
                )
                for one in differ[verdict]
            ]
            written.append(f"{start} is {relation} than {listed(named)}.")
    if equal:
        written.append(f"{start} is {within} to {listed(_with_numbers(one) for one in equal)}.")
    if unknown:
        named = [_with_numbers(one) for one in unknown]
        written.append(f"{start} is not distinguishable from {listed(named)}.")
    return written


def _best(conclusion: Conclusion) -> list[str]:
    if conclusion.best:
        return [f"So {conclusion.best} is the best of these {len(conclusion.scores)}."]
    return [] if conclusion.of_models else ["No setting is shown to be the best."]


def _limits(conclusion: Conclusion, seeds_needed: str, vary_split: bool) -> list[str]:
    """What the intervals hold for, and what is not claimed."""
    written = []
    many = [f"{conclusion.family} pairs"] * (conclusion.family > 1)
    many += [f"{conclusion.looks} looks"] * (conclusion.looks > 1)
    pairs = f", for all {listed(many)} at once" if many else ""
    kinds = {one.of for one in conclusion.comparisons}
    over = "other images"
    if "setting" in kinds:
        over = f"other seeds{', other splits' * vary_split} and other images"
    over += " (of trained models, over other images)" if len(kinds) > 1 else ""
    written.append(f"Intervals are 95% intervals{pairs}, over {over}.")
    if "model" in kinds:
        which = "Comparisons of trained models" if len(kinds) > 1 else "These comparisons"
        written.append(
            f"{which} say nothing about the settings: other seeds could turn them round."
        )
        written += [seeds_needed] if seeds_needed else []
    return written


def _with_numbers(found: Comparison, lead: str = "difference", *remarks: str) -> str:
    """The arm with the reference's lead over it and the interval of that."""
    values = [-found.difference, -found.high, -found.low]
    if found.verdict == "better":
        values = [found.difference, found.low, found.high]
    value, low, high = _in_points(*values)
    unit = "point" if value in ("1.0", "-1.0") else "points"
    numbers = f"{lead} {value} percentage {unit}, {low} to {high}"
    return f"{found.arm} ({'; '.join(filter(None, (numbers, *remarks)))})"


def _in_points(*values: float) -> list[str]:
    """Percentage points with one decimal, or more where one would show a nonzero value as zero."""
    points = [100 * value for value in values]
    places = next(
        (n for n in (1, 2, 3) if not any(0 < abs(point) < 0.5 * 10**-n for point in points)), 4
    )
    return [f"{point:z.{places}f}" for point in points]


def _one_or_more(names: Sequence[str], one: str, more: str) -> str:
    return one if len(names) == 1 else more

"""What a report's comparisons show and what they leave open, in at most five sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cifarkit.evaluation.comparison import LEVEL
from cifarkit.reporting.conclusions import Conclusions
from cifarkit.reporting.study_view import StudyView
from cifarkit.text import counted, listed, percent, percentage_points

if TYPE_CHECKING:
    from cifarkit.evaluation.comparison import Conclusion

_NAMED = 3
"""Settings that are named; of more, how many they are."""

Compared = list[tuple[StudyView, "Conclusion"]]


def certain_sentences(views: Sequence[StudyView], supported: Sequence[Conclusions]) -> list[str]:
    """Certain, equal and open differences of all studies; then what they hold for."""
    compared = _compared(views, supported)
    if not compared:
        return ["Nothing was compared: no study has two finished settings on the same test images."]
    sentences = [*_differences(compared), *_equal(compared), *_open(compared)]
    return [*sentences, *_of_models(compared), _chance(compared)]


def limits(views: Sequence[StudyView], supported: Sequence[Conclusions]) -> list[str]:
    """What all comparisons of a document hold for; none without a comparison."""
    compared = _compared(views, supported)
    if not compared:
        return []
    intervals = "Intervals of differences are 95% intervals, for all settings of a study at once."
    return [intervals, *_of_models(compared)]


def _compared(views: Sequence[StudyView], supported: Sequence[Conclusions]) -> Compared:
    return [
        (view, one.found)
        for view, one in zip(views, supported, strict=True)
        if one.found is not None and one.found.comparisons
    ]


def _differences(compared: Compared) -> list[str]:
    shown = [
        f"{found.reference} is better than {_some(worse, view, found)}{_suffix(view, compared)}"
        for view, found in compared
        if (worse := [one.arm for one in found.comparisons if one.verdict == "worse"])
    ]
    if not shown:
        return ["No setting is shown to be better than another."]
    return [f"Certain{_scope(compared)}: {'; '.join(shown)}."]


def _equal(compared: Compared) -> list[str]:
    shown = [
        f"{found.reference} and {_some(equal, view, found)} differ by less than "
        f"{percentage_points(view.study.equivalence)}{_suffix(view, compared)}"
        for view, found in compared
        if (equal := _undecided(view, found, equal=True))
    ]
    return [f"Also certain{_scope(compared)}: {'; '.join(shown)}."] if shown else []


def _open(compared: Compared) -> list[str]:
    shown = [
        f"whether {found.reference} is better than {_some(unclear, view, found)}"
        f"{_suffix(view, compared)}"
        for view, found in compared
        if (unclear := _undecided(view, found, equal=False))
    ]
    return [f"Not certain: {'; '.join(shown)}."] if shown else []


def _scope(compared: Compared) -> str:
    """What all comparisons are of; empty if some are of models and some of settings."""
    of_models = {found.of_models for _, found in compared}
    if len(of_models) > 1:
        return ""
    return " for the trained models" if True in of_models else " for the settings"


def _undecided(view: StudyView, found: Conclusion, *, equal: bool) -> list[str]:
    """The arms that the reference is not shown to differ from, and is or is not shown to equal."""
    margin = view.study.equivalence
    return [
        one.arm
        for one in found.comparisons
        if one.verdict == "not distinguishable" and one.equal_within(margin) is equal
    ]


def _of_models(compared: Compared) -> list[str]:
    single = [view for view, found in compared if found.of_models]
    if not single:
        return ["This holds for other seeds and other test images."]
    where = "" if len(single) == len(compared) else f" in {listed(view.title for view in single)}"
    return [
        f"Nothing is certain about the settings themselves{where}: each was trained once, and "
        "another seed could turn their order round."
    ]


def _chance(compared: Compared) -> str:
    if len(compared) == 1:
        return (
            f"The chance that any of these statements is false is about {percent(LEVEL)} at most."
        )
    return (
        f"Each of the {counted(len(compared), 'study', 'studies')} compared has a chance of about "
        f"{percent(LEVEL)} at most to state a difference that is not there."
    )


def _suffix(view: StudyView, compared: Compared) -> str:
    """The study's title, where several studies are along the same axes."""
    alike = sum(other.axes == view.axes for other, _ in compared)
    return f" ({view.title})" if alike > 1 else ""


def _some(arms: Sequence[str], view: StudyView, found: Conclusion) -> str:
    """The arms by name, the axis said once; or how many of the others they are."""
    others = len(found.scores) - 1
    if len(arms) > _NAMED:
        return f"all {others} others" if len(arms) == others else f"{len(arms)} of {others} others"
    words = [name.split(" ") for name in (found.reference or "", *arms)]
    shared = 0
    if view.layout.names_axis and len(view.axes) == 1:
        while len({tuple(name[: shared + 1]) for name in words}) == 1:
            shared += 1
    return listed(" ".join(name[shared:]) for name in words[1:])

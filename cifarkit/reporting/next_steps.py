"""What to do next: which trials to repeat, and which comparison needs how many more seeds."""

from __future__ import annotations

from collections.abc import Sequence

from cifarkit.reporting.conclusions import Conclusions
from cifarkit.reporting.repeated_trials import Needed, seeds_for
from cifarkit.reporting.study_view import StudyView
from cifarkit.text import counted, listed, unique


def next_steps(views: Sequence[StudyView], supported: Sequence[Conclusions]) -> list[str]:
    """In the order of their worth: trials that are missing or failed a check, then seeds."""
    return [*_missing(views), *_cut_short(views), *_seeds(views, supported)]


def _missing(views: Sequence[StudyView]) -> list[str]:
    lacking = [view.title for view in views if any(arm.troubles for arm in view.results)]
    if not lacking:
        return []
    return [f"Run the same command again, which trains only what is missing: {listed(lacking)}."]


def _cut_short(views: Sequence[StudyView]) -> list[str]:
    cut = unique(
        view.title
        for view in views
        for arm in view.results
        for found in arm.findings
        if any(finding.kind == "cut short" for finding in found)
    )
    if not cut:
        return []
    return [f"Allow more epochs, since trainings ended at the last one: {listed(cut)}."]


def _seeds(views: Sequence[StudyView], supported: Sequence[Conclusions]) -> list[str]:
    """The open comparisons, by how many seeds they have and need."""
    groups: dict[Needed, list[str]] = {}
    compared = 0
    for view, one in zip(views, supported, strict=True):
        found = one.found
        if found is None or not found.comparisons:
            continue
        compared += 1
        open_ = found.of_models or any(
            pair.verdict == "not distinguishable" and not pair.equal_within(view.study.equivalence)
            for pair in found.comparisons
        )
        if open_:
            have = min(score.runs for score in found.scores)
            groups.setdefault(seeds_for(view, len(found.scores), have), []).append(view.title)
    lines = []
    for needed, titles in groups.items():
        every = len(titles) == compared > 3
        which = f"All {compared} comparisons" if every else listed(titles)
        lines.append(f"{which}: {_in_words(needed)}")
    return lines


def _in_words(needed: Needed) -> str:
    now = f"{counted(needed.have, 'seed')} of each setting now"
    if not needed.known:
        return (
            f"{now}; with 3 seeds of each the settings are compared, and this page says how many "
            "more it takes."
        )
    target = "to see a difference of 1 percentage point with a probability of 0.8"
    if needed.seeds is None:
        return f"{now}; {target} takes more than 200."
    if needed.seeds <= needed.have:
        return f"{now}, enough {target}: if there is a difference, it is likely to be smaller."
    return f"{now}; {target} takes about {needed.seeds}, {needed.seeds - needed.have} more."

"""Views of several studies, with suffixes that distinguish equal titles."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from cifarkit.reporting.study_tables import axis_heading, row_name
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import StudyRecord
from cifarkit.text import plain, shortened

_Part = Callable[[StudyView], str]
_LONGEST = 60
_ARMS_SHOWN = 4


def views(
    studies: Sequence[StudyRecord], records: Mapping[str, TrialRecord], *, published: bool = False
) -> list[StudyView]:
    """A view of each study; equal titles get a suffix in parentheses with what differs.

    Args:
        published: Whether the document shows the published study's numbers.
    """
    shared: dict[Hashable, Any] = {}
    made = [StudyView(study, records, compared=published, shared=shared) for study in studies]
    by_title: dict[str, list[StudyView]] = {}
    for view in made:
        by_title.setdefault(plain(view.title), []).append(view)
    words: dict[str, list[str]] = {}
    for alike in by_title.values():
        words |= _told_apart(alike, _parts(alike))
    return [
        replace(view, title_suffix=f" ({', '.join(words[view.name])})")
        if words[view.name]
        else view
        for view in made
    ]


def _parts(alike: Sequence[StudyView]) -> list[_Part]:
    """The distinguishing features and their wording, in order of preference."""
    if len(alike) < 2:
        return []
    headings = dict.fromkeys(heading for view in alike for heading in view.settings)

    def setting(heading: str, view: StudyView) -> str:
        said = view.settings
        text = f"{heading.lower()} {said.get(heading, 'none')}" if said else ""
        return shortened(text, _LONGEST)

    return [
        lambda view: shortened(view.study.whole_title, _LONGEST),
        lambda view: shortened(view.study.part_of, _LONGEST),
        lambda view: view.settings.get("Data set", ""),
        _arms,
        *(partial(setting, heading) for heading in headings),
        _images,
        lambda view: view.name,
    ]


def _told_apart(alike: Sequence[StudyView], parts: Sequence[_Part]) -> dict[str, list[str]]:
    """By study name, the fewest features that distinguish it from all others."""
    for number, part in enumerate(parts):
        groups: dict[str, list[StudyView]] = {}
        for view in alike:
            groups.setdefault(part(view), []).append(view)
        if len(groups) > 1:
            return {
                name: [text, *words] if text else words
                for text, group in groups.items()
                for name, words in _told_apart(group, parts[number + 1 :]).items()
            }
    return {view.name: [] for view in alike}


def _images(view: StudyView) -> str:
    """Which images, of several folders or files of one name or of one at several times."""
    for _, trial in view.trials:
        if content := trial.spec.data.fingerprint:
            return f"images {content.rpartition(':')[2][:8]}"
    return ""


def _arms(view: StudyView) -> str:
    """The rows of a study: names of networks or values of the axis."""
    names = [row_name(view, result) for result in view.results]
    more = f" and {len(names) - _ARMS_SHOWN} more" if len(names) > _ARMS_SHOWN else ""
    shown = ", ".join(shortened(name, 30) for name in names[:_ARMS_SHOWN]) + more
    varied = " and ".join(axis_heading(axis).lower() for axis in view.axes)
    return shown if "model" in view.axes else f"{varied} {shown}".strip()

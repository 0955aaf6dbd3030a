"""What tells studies of one title apart, in words for headings and captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cifarkit.report.hyperparameters import settings_of, trials_of
from cifarkit.report.tables import axis_heading, axis_text
from cifarkit.store.records import StudyRecord, TrialRecord
from cifarkit.text import plain, shortened

_Part = Callable[[StudyRecord], str]
_LONGEST = 60
_ARMS_SHOWN = 4


def titles(studies: Sequence[StudyRecord], records: Mapping[str, TrialRecord]) -> dict[str, str]:
    """The title of each study by its name; alike ones end in what differs, in parentheses."""
    by_title: dict[str, list[StudyRecord]] = {}
    for study in studies:
        by_title.setdefault(plain(study.title), []).append(study)
    found = {}
    for title, alike in by_title.items():
        for name, words in _told_apart(alike, _parts(alike, records)).items():
            found[name] = f"{title} ({', '.join(words)})" if words else title
    return found


def _parts(alike: Sequence[StudyRecord], records: Mapping[str, TrialRecord]) -> list[_Part]:
    """What may differ, and how it is said, in the order in which it is looked at."""
    if len(alike) < 2:
        return []
    settings = {study.name: settings_of(study, records) for study in alike}
    headings = dict.fromkeys(heading for known in settings.values() for heading in known)

    def setting(heading: str, study: StudyRecord) -> str:
        said = settings[study.name]
        text = f"{heading.lower()} {said.get(heading, 'none')}" if said else ""
        return shortened(text, _LONGEST)

    return [
        lambda study: shortened(plain(study.whole_title), _LONGEST),
        lambda study: settings[study.name].get("Data set", ""),
        _arms,
        *(partial(setting, heading) for heading in headings),
        lambda study: _images(study, records),
        lambda study: study.name,
    ]


def _told_apart(alike: Sequence[StudyRecord], parts: Sequence[_Part]) -> dict[str, list[str]]:
    """Of each study, by its name, as many of the parts as tell it from all others."""
    for number, part in enumerate(parts):
        groups: dict[str, list[StudyRecord]] = {}
        for study in alike:
            groups.setdefault(part(study), []).append(study)
        if len(groups) > 1:
            return {
                name: [text, *words] if text else words
                for text, group in groups.items()
                for name, words in _told_apart(group, parts[number + 1 :]).items()
            }
    return {study.name: [] for study in alike}


def _images(study: StudyRecord, records: Mapping[str, TrialRecord]) -> str:
    """Which images, of several folders or files of one name or of one at several times."""
    for _, trial in trials_of(study, records):
        if content := trial.spec.data.fingerprint:
            return f"images {plain(content.rpartition(':')[2][:8])}"
    return ""


def _arms(study: StudyRecord) -> str:
    """What its rows are: names of networks, or values of what varies."""
    axis = study.axes[0] if len(study.axes) == 1 and study.kind == "sweep" else None
    names = [
        axis_text(axis, arm.settings) if axis in arm.settings else plain(arm.label)
        for arm in study.arms
    ]
    more = f" and {len(names) - _ARMS_SHOWN} more" if len(names) > _ARMS_SHOWN else ""
    shown = ", ".join(shortened(name, 30) for name in names[:_ARMS_SHOWN]) + more
    varied = " and ".join(axis_heading(axis).lower() for axis in study.axes)
    return shown if "model" in study.axes else f"{varied} {shown}".strip()

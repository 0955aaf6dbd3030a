"""What tells studies of one title apart, in words for headings and captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cifarkit.reporting.settings import settings_of
from cifarkit.reporting.tables import axis_heading, axis_text
from cifarkit.reporting.text import plain, shortened
from cifarkit.trials.record import StudyRecord, TrialRecord

_LONGEST = 100
_ARMS_SHOWN = 4


def titles(studies: Sequence[StudyRecord], records: Mapping[str, TrialRecord]) -> dict[str, str]:
    """The title of each study by its name; alike ones end in what differs, in parentheses."""
    by_title: dict[str, list[StudyRecord]] = {}
    for study in studies:
        by_title.setdefault(plain(study.title), []).append(study)
    return {
        study.name: f"{title} ({suffix})" if (suffix := suffixes.get(study.name)) else title
        for title, alike in by_title.items()
        for suffixes in [_suffixes(alike, records) if len(alike) > 1 else {}]
        for study in alike
    }


def _suffixes(alike: Sequence[StudyRecord], records: Mapping[str, TrialRecord]) -> dict[str, str]:
    settings = {study.name: settings_of(study, records) for study in alike}
    headings = dict.fromkeys(heading for known in settings.values() for heading in known)
    parts: list[Callable[[StudyRecord], str]] = [lambda study: plain(study.whole_title)]
    parts += [
        lambda study, heading=heading: _setting(heading, settings[study.name])  # type: ignore[misc]
        for heading in headings
    ]
    parts.append(_arms)
    said: dict[str, list[str]] = {study.name: [] for study in alike}
    for part in parts:
        texts = {study.name: part(study) for study in alike}
        if len(set(texts.values())) > 1:
            for name, text in texts.items():
                said[name] += [text] if text else []
    suffixes = {name: shortened(", ".join(texts), _LONGEST) for name, texts in said.items()}
    found = list(suffixes.values())
    # What no setting tells apart (other images in folders of one name) has its own name still.
    return {
        name: text if found.count(text) == 1 else f"{text}, {name}".removeprefix(", ")
        for name, text in suffixes.items()
    }


def _setting(heading: str, settings: Mapping[str, str]) -> str:
    text = settings.get(heading)
    if heading == "Data set":
        return text or ""
    return f"{heading[0].lower()}{heading[1:]} {text or 'none'}" if settings else ""


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

"""Listings of a store's trials and studies, and the details of one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from cifarkit.models.registry import find
from cifarkit.reporting import formatting, study_labels
from cifarkit.reporting.arm_results import ArmResult, trouble, trouble_of
from cifarkit.reporting.hyperparameters import of_trial
from cifarkit.reporting.study_tables import axis_heading
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import Hits, TrialRecord
from cifarkit.store.setting_words import model_name
from cifarkit.store.studies import trials_of
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.training_checks import findings
from cifarkit.store.trials import Trials
from cifarkit.text import listed, plain, shortened

STUDY_HEADINGS = ("Study", "Title", "Rows", "Trials", "Chosen", "When (UTC)")
HEADINGS = ("Trial", "Status", "Network", "Settings", "Validation", "Test", "When (UTC)")
_IN_BRIEF = ("Image size (px)", "Unfrozen share of layers", "Dropout", "Learning rate", "Seed")
_SHOWN_CLASSES = 12
_LONGEST = 160

Details = list[tuple[str, list[tuple[str, str]]]]
"""Titled sections of names and formatted values."""


def rows(trials: Trials) -> list[list[str]]:
    """One row per trial, readable or not, in the order of `HEADINGS`."""
    found = [_row(trial) for trial in trials.values()]
    for trial_id in trials.unreadable:
        found.append([trial_id, trouble_of(trial_id, trials), "", "", "", "", ""])
    return sorted(found)


def everything(trial: TrialRecord) -> Details:
    """The details of one trial."""
    state, result = trial.state, trial.result
    about = [
        ("Trial", trial.trial_id),
        ("Network", _network(trial.spec.model.model)),
        ("Status", state.status.value),
        ("Reason", "" if trial.complete else trouble(trial)),
        ("Attempts", str(state.attempts)),
        *(("Check", found.detail) for found in findings(trial)),
        ("Host", state.host or ""),
        *([("Place", state.place)] if state.place else []),
        *(("Moved", f"{move}; it went on elsewhere") for move in state.moves),
        ("Started (UTC)", _moment(state.started_at)),
        ("Ended (UTC)", _moment(state.ended_at)),
        ("Folder", str(trial.folder)),
    ]
    parts = [("Trial", about), ("Settings", list(_settings(trial).items()))]
    if result is not None:
        parts.append(("Result", _flat(result)))
    if trial.history:
        epochs = [(f"Epoch {row['epoch']}", _epoch(row)) for row in trial.history[-10:]]
        parts.append(("Last epochs", epochs))
    if state.log_tail and not trial.complete:
        log = [("", line) for line in state.log_tail.splitlines()]
        parts.append(("End of the log", log))
    return _shown(parts)


def study_rows(studies: Sequence[StudyRecord], trials: Trials) -> list[list[str]]:
    """One row per study, in the order of `STUDY_HEADINGS`; equal titles get suffixes."""
    return [
        [
            study.name,
            shortened(view.title, 90),
            str(len(study.arms)),
            _progress(study, trials),
            study.name_of(study.choice.arm) if study.choice else "",
            _moment(study.created_at),
        ]
        for view in study_labels.views(studies, trials)
        for study in [view.study]
    ]


def everything_of_study(study: StudyRecord, trials: Trials) -> Details:
    """The details of one study."""
    view = StudyView(study, trials)
    about = [
        ("Study", study.name),
        ("Title", study.title),
        ("Kind", study.kind),
        ("Varies", listed(axis_heading(axis) for axis in study.axes) if study.axes else ""),
        ("Step", f"{study.step} of {study.part_of}" if study.step else ""),
        ("Created (UTC)", _moment(study.created_at)),
        ("Command", study.command),
        ("Trials", _progress(study, trials)),
        ("Chosen", study.choice_in_words),
    ]
    parts = [
        ("Study", about),
        ("Settings", list(view.settings.items())),
        ("Rows", [(outcome.name, _arm(outcome)) for outcome in view.results]),
    ]
    return _shown(parts)


def _shown(parts: Details) -> Details:
    return [
        (title, [(plain(name), shortened(text, _LONGEST)) for name, text in values if text])
        for title, values in parts
        if values
    ]


def _network(key: str) -> str:
    name = model_name(key)
    return name if find(key) else f"{name} (no installed package provides it)"


def _progress(study: StudyRecord, trials: Trials) -> str:
    ids = trials_of(study)
    done = sum(trials[trial].complete for trial in ids if trial in trials)
    return f"{done} of {len(ids)} complete"


def _arm(outcome: ArmResult) -> str:
    listing = ", ".join(outcome.arm.trials)
    return (
        f"{listing} ({outcome.reason})"
        if listing and outcome.reason
        else (listing or outcome.reason)
    )


def _row(trial: TrialRecord) -> list[str]:
    settings = _settings(trial)
    brief = [f"{name.lower()} {settings[name]}" for name in _IN_BRIEF if settings.get(name)]
    accuracy = trial.result.accuracy if trial.complete and trial.result else None
    return [
        trial.trial_id,
        "complete" if trial.complete else shortened(trouble(trial), 60),
        model_name(trial.spec.model.model),
        shortened(", ".join([settings["Data set"], *brief]), 90),
        f"{accuracy.validation:.4f}" if accuracy else "",
        f"{accuracy.test:.4f}" if accuracy else "",
        _moment(trial.state.ended_at or trial.state.started_at),
    ]


def _epoch(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")


def _settings(trial: TrialRecord) -> dict[str, str]:
    return of_trial(trial) | {"Seed": str(trial.spec.train.seed)}


def _moment(when: Any) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else ""


def _flat(model: BaseModel, prefix: str = "") -> list[tuple[str, str]]:
    """All fields by name, with dots for nested ones; packed bits are omitted."""
    pairs: list[tuple[str, str]] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Hits):
            continue
        if isinstance(value, BaseModel):
            pairs += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, Mapping):
            pairs += [(f"{prefix}{name}.{key}", _number(inner)) for key, inner in value.items()]
        elif isinstance(value, tuple):
            pairs.append((prefix + name, _some(tuple(map(str, value)))))
        elif isinstance(value, Mapping):
            pairs += [(f"{prefix}{name}.{key}", _number(one)) for key, one in value.items()]
        elif value is not None:
            pairs.append((prefix + name, _number(value)))
    return pairs


def _some(texts: tuple[str, ...]) -> str:
    more = len(texts) - _SHOWN_CLASSES
    shown = [shortened(text, 30) or "(no name)" for text in texts[:_SHOWN_CLASSES]]
    if not shown:
        return ""
    return f"{', '.join(shown)} and {more} more" if more > 0 else listed(shown)


def _number(value: object) -> str:
    if isinstance(value, bool | str):
        return str(value)
    return formatting.count(value) if isinstance(value, int) else f"{value:.6g}"


def as_text(parts: Details) -> str:
    """The sections as text, a line per value."""
    lines: list[str] = []
    for title, values in parts:
        wide = max((len(name) for name, _ in values), default=0)
        lines += ["", title, *(f"  {name:<{wide}}  {text}" for name, text in values)]
    return "\n".join(lines[1:]) + "\n"

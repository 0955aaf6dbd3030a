"""Notes on a study's tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cifarkit.reporting import published as reference
from cifarkit.reporting.arm_results import ArmResult, model_note
from cifarkit.reporting.hyperparameters import mixtures
from cifarkit.reporting.provenance import timing_warnings
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.setting_words import model_name
from cifarkit.text import counted, listed, unique

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NAMED = 3
"""Rows that a note of trials names; of more it gives the number of trials."""


def notes(view: StudyView, *, published: bool, of_trials: bool = True) -> list[str]:
    """Warnings, then notes on single rows, then on the published columns.

    Args:
        of_trials: Whether the notes of results are included.
    """
    names = {id(outcome): name for name, outcome in view.named.items()}
    remarks = warnings(view)
    remarks += _of_builds(view, names)
    remarks += _of_rows(view, names, of_trials)
    if view.layout.pivoted:
        # Pivoted cells have room for two or three words only.
        remarks += [f"{names[id(o)]}: {o.reason}." for o in view.results if o.reason]
    if published:
        remarks += reference.notes(view)
    return list(unique(remarks))


def _of_checks(found: Sequence[ArmResult], names: Mapping[int, str]) -> list[str]:
    """Problems of complete trials, grouped by problem."""
    rows: dict[str, list[str]] = {}
    for outcome in found:
        for finding in (finding for trial in outcome.findings for finding in trial):
            rows.setdefault(finding.detail, []).append(names[id(outcome)])
    return [f"{listed(unique(found))}: {detail}." for detail, found in rows.items()]


def warnings(view: StudyView) -> list[str]:
    """What checks found: rows that differ in more than the axis, times, trainings that failed."""
    names = {id(outcome): name for name, outcome in view.named.items()}
    found = [*mixtures(view.study, view.named_trials), *timing_warnings(view)]
    return found + _of_checks(view.results, names)


def notes_of_trials(views: Sequence[StudyView]) -> list[str]:
    """The notes of all results: notes that differ in numbers alone are one, with their range."""
    rows: dict[str, dict[str, str]] = {}
    texts: dict[str, list[str]] = {}
    for view in views:
        names = {id(outcome): name for name, outcome in view.named.items()}
        for outcome, trial in view.trials:
            for note in trial.result.notes if trial.result is not None else ():
                words = _NUMBER.sub("#", note)
                row = f"{view.title}, {names[id(outcome)]}"
                rows.setdefault(words, {}).setdefault(trial.trial_id, row)
                texts.setdefault(words, []).append(note)
    remarks = []
    for words, by_trial in rows.items():
        named = unique(by_trial.values())
        who = listed(named) if len(named) <= _NAMED else counted(len(by_trial), "trial")
        remarks.append(f"{who}: {_sentence(_with_ranges(texts[words]))}")
    return remarks


def _with_ranges(texts: Sequence[str]) -> str:
    """Texts that differ in numbers alone as one: `they take 8 to 70 MB`."""
    columns = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    spans = []
    for column in columns:
        low, high = (pick(column, key=_value) for pick in (min, max))
        spans.append(low if low == high else f"{low} to {high}")
    found = iter(spans)
    return _NUMBER.sub(lambda _: next(found), texts[0])


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _of_rows(view: StudyView, names: Mapping[int, str], of_trials: bool) -> list[str]:
    remarks, found = [], view.results
    results = [result for outcome in found for result in outcome.results if of_trials]
    # Notes that apply to every row are given once.
    common: set[str] = set()
    if of_trials and len([outcome for outcome in found if outcome.results]) > 1:
        common.update(set(results[0].notes).intersection(*(result.notes for result in results)))
        remarks += [_sentence(note) for note in results[0].notes if note in common]
    for outcome, trial in view.trials:
        remarks += [
            f"{names[id(outcome)]}: {move}; it went on elsewhere." for move in trial.state.moves
        ]
    for outcome in found:
        model = _model(outcome)
        if model and (note := model_note(model)):
            name = names[id(outcome)] if view.layout.rows_are_names else model_name(model)
            remarks.append(f"{name}: {_sentence(note)}")
        for result in outcome.results:
            remarks += [
                f"{names[id(outcome)]}: {_sentence(note)}"
                for note in result.notes
                if of_trials and note not in common
            ]
            if result.used_batch_size != result.requested_batch_size:
                remarks.append(
                    f"{names[id(outcome)]}: trained with batch size {result.used_batch_size} "
                    f"instead of {result.requested_batch_size}."
                )
    return remarks


def _of_builds(view: StudyView, names: Mapping[int, str]) -> list[str]:
    """Packages of data sets and networks, and networks that were built in different ways."""
    remarks: list[str] = []
    packages: dict[str, dict[str, None]] = {}
    graphs: dict[tuple[Any, ...], dict[str, list[str]]] = {}
    weight_files: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for outcome, trial in view.trials:
        if (result := trial.result) is None:
            continue
        spec = trial.spec.model
        if result.dataset_package:
            remarks.append(f"The images are read by {result.dataset_package}.")
        if result.backbone_package:
            remarks.append(f"{model_name(spec.model)} comes from {result.backbone_package}.")
            packages.setdefault(spec.model, {})[result.backbone_package] = None
        if result.loaded_sha256:
            named = (spec.model, spec.weights, result.loaded_file)
            users = weight_files.setdefault(named, {}).setdefault(result.loaded_sha256, [])
            users.append(names[id(outcome)])
        if result.graph_sha256:
            # What a builder is given, without weights that are loaded later.
            weights = "none" if ":" in spec.weights else spec.weights
            given = (spec.model, spec.image_size, weights, spec.head_outputs, spec.dropout)
            same = graphs.setdefault(given, {}).setdefault(result.graph_sha256, [])
            same.append(names[id(outcome)])
    for (model, weights, _), contents in weight_files.items():
        if len(contents) > 1:
            groups = " against ".join(listed(unique(rows)) for rows in contents.values())
            remarks.append(
                f"{model_name(model)}: the weights {weights} were {len(contents)} different files "
                f"({groups}), so their differences are not due to the axis alone."
            )
    for model, found in packages.items():
        if len(found) > 1:
            remarks.append(
                f"{model_name(model)}: its trials were built by {listed(found)}, so "
                "their differences are not due to the axis alone."
            )
    for (model, *_), built in graphs.items():
        if len(built) > 1:
            groups = " against ".join(listed(unique(rows)) for rows in built.values())
            remarks.append(
                f"{model_name(model)}: the same settings were built as {len(built)} different "
                f"graphs ({groups}): the code that builds it has changed."
            )
    return remarks


def _model(outcome: ArmResult) -> str:
    if outcome.done:
        return outcome.done[0].spec.model.model
    return str(outcome.arm.settings.get("model", ""))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."

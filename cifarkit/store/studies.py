"""Studies in a store: running a study again extends its record and never replaces another's.

Studies are the same if their arms and data are, whatever their names
(`study_records.study_identity`).
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from cifarkit.errors import InvalidInput, unknown
from cifarkit.specs import TrialSpec
from cifarkit.store.file_io import UnreadableFile
from cifarkit.store.store import Store
from cifarkit.store.study_records import Arm, Choice, StudyRecord, arm_identity

_DIGEST = re.compile(r"-[0-9a-f]{8}$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}", re.ASCII)
_LIKE_A_TRIAL = re.compile(r"[0-9a-f]{1,12}")


def checked_name(text: str, option: str) -> str:
    """A name that a user gives to a study.

    Raises:
        InvalidInput: It has other characters than letters, digits and dashes, or could be a
            trial's id.
    """
    if not _NAME.fullmatch(text):
        raise InvalidInput(
            f"{option}: {text!r} is not a study's name; use up to 100 letters, digits and dashes"
        )
    if _LIKE_A_TRIAL.fullmatch(text):
        raise InvalidInput(
            f"{option}: {text!r} could be the id of a trial; use another letter than a to f"
        )
    return text


def find(
    store: Store,
    study: StudyRecord,
    name: str | None = None,
    specs: Mapping[str, TrialSpec] = MappingProxyType({}),
) -> StudyRecord | None:
    """The store's record of the same study; None if it has none.

    Args:
        study: The planned study.
        name: The name given by the user; for a step, the name of the multi-step study.
        specs: The planned trials by id, to report how another study of that name differs.

    Raises:
        InvalidInput: The name is another study's; the message says how it differs. Or seeds are
            added to the same study up to another limit.
    """
    known = store.studies()
    same = [one for one in known if is_same(one, study)]
    if name is not None and study.step:
        for one in known:
            if one.step and one.part_of == name and not _same_whole(one, study):
                raise InvalidInput(
                    f"--name: {name} is here a whole study with other settings or steps, made by "
                    f"`{one.command}`; choose another name"
                )
    elif name is not None:
        for one in known:
            if one.name == name and one not in same:
                raise InvalidInput(
                    f"--name: {name} is here a study with {_difference(store, one, study, specs)}; "
                    f"choose another name, or rename that one: cifarkit store rename {name} NEW"
                )
        same = [one for one in same if one.name in (name, study.name, without_digest(study.name))]
    order = {wanted: place for place, wanted in enumerate((name, study.name))}
    found = min(same, key=lambda one: order.get(one.name, len(order)), default=None)
    if found is not None and study.max_seeds and found.max_seeds not in (0, study.max_seeds):
        raise InvalidInput(
            f"--max-seeds: {found.name} was begun with at most {found.max_seeds} seeds; its error "
            f"rate holds for a limit that is fixed beforehand, so go on with that one, not "
            f"{study.max_seeds}"
        )
    return found


def is_same(one: StudyRecord, other: StudyRecord) -> bool:
    """Whether both compare the same arms on the same data, as the same step of the same whole."""
    if one.identity != other.identity or one.step != other.step:
        return False
    return not one.step or (one.part_of == other.part_of and _same_whole(one, other))


def _same_whole(one: StudyRecord, other: StudyRecord) -> bool:
    """Whether two steps are of one multi-step study; the first versions stored its name only."""
    return one.whole_id == other.whole_id or "" in (one.whole_id, other.whole_id)


def register(
    store: Store,
    study: StudyRecord,
    name: str | None = None,
    specs: Mapping[str, TrialSpec] = MappingProxyType({}),
) -> StudyRecord:
    """Record a study that is about to run, or extend the record of the same study.

    The arms, choice and date of an existing record are kept. See `find` for the arguments.

    Returns:
        The record as written.

    Raises:
        InvalidInput: `name` is another study's.
        ForeignFile: A newer cifarkit wrote the record.
    """
    with store.lock_studies():
        before = find(store, study, name, specs)
        if study.step:
            name = None  # the whole's
        if before is None:
            changes: dict[str, Any] = {"name": _free_name(store, name or study.name)}
        else:
            arms = _union(study.arms, before.arms)
            changes = {
                "name": name or before.name,
                "arms": arms,
                "created_at": before.created_at,
                "choice": before.choice,
                "max_seeds": study.max_seeds or before.max_seeds,
                # The command that produces everything listed.
                "command": study.command if arms == study.arms else before.command,
            }
        entered = study.model_copy(update=changes)
        store.write_study(entered)
        if before is not None and before.name != entered.name:
            store.study_path(before.name).unlink()
    return entered


def merge(store: Store, study: StudyRecord) -> StudyRecord | None:
    """Add an imported study, under another name if its own is taken by a different study.

    Returns:
        The record written; None if the store already has all of it.
    """
    with store.lock_studies():
        before = next((one for one in store.studies() if is_same(one, study)), None)
        if before is None:
            name = study.name
            if os.path.lexists(store.study_path(name)):
                name = _free_name(store, f"{without_digest(name)[:180]}-{study.identity}")
            entered = study.model_copy(update={"name": name})
        else:
            changes = {
                "arms": _union(before.arms, study.arms),
                "choice": before.choice or study.choice,
                "whole_id": before.whole_id or study.whole_id,
                "max_seeds": before.max_seeds or study.max_seeds,
            }
            entered = before.model_copy(update=changes)
            if entered == before:
                return None
        store.write_study(entered)
    return entered


def _union(arms: Iterable[Arm], others: Iterable[Arm]) -> tuple[Arm, ...]:
    """The arms, each extended by the additional trials of the same arm among the others."""
    listed = {arm_identity(arm): arm.trials for arm in others}
    joined = []
    for arm in arms:
        more = [trial for trial in listed.get(arm_identity(arm), ()) if trial not in arm.trials]
        joined.append(arm.model_copy(update={"trials": (*arm.trials, *more)}))
    return tuple(joined)


def set_choice(store: Store, name: str, choice: Choice) -> None:
    """Record a study's choice, replacing an earlier one."""
    with store.lock_studies():
        store.write_study(named(store, name).model_copy(update={"choice": choice}))


def rename(store: Store, name: str, new: str) -> StudyRecord:
    """Rename a study.

    Raises:
        InvalidInput: There is no such study, or the new name is taken or cannot be one.
    """
    checked_name(new, "NEW")
    with store.lock_studies():
        study = named(store, name)
        if os.path.lexists(store.study_path(new)):
            raise InvalidInput(f"NEW: there is a study {new!r} in {store.root}; choose another")
        renamed = study.model_copy(update={"name": new})
        store.write_study(renamed)
        store.study_path(name).unlink()
    return renamed


def remove(store: Store, name: str) -> list[str]:
    """Remove a study, keeping its trials.

    Returns:
        Those of its trials that no other study lists.
    """
    with store.lock_studies():
        study = named(store, name)
        others = {t for one in store.studies() if one.name != name for t in trials_of(one)}
        store.study_path(name).unlink()
    there = set(store.trial_ids())
    return [trial for trial in trials_of(study) if trial in there and trial not in others]


def trials_of(study: StudyRecord) -> list[str]:
    """The ids of the trials that a study lists, each once."""
    return list(dict.fromkeys(trial for arm in study.arms for trial in arm.trials))


def named(store: Store, name: str) -> StudyRecord:
    """The study with exactly this name.

    Raises:
        InvalidInput: There is none; the message names the nearest.
    """
    known = {study.name: study for study in store.studies()}
    if name not in known:
        raise unknown("study", name, known)
    return known[name]


def matching(studies: Iterable[StudyRecord], text: str) -> list[StudyRecord]:
    """The studies that a name refers to: one, or all that share the name without its digest.

    The first versions' names had no digest. The name of a multi-step study refers to its steps.
    """
    studies = list(studies)
    return [one for one in studies if one.name == text] or [
        one for one in studies if text in (without_digest(one.name), one.part_of)
    ]


def without_digest(name: str) -> str:
    """A study's name in the form of the first versions."""
    return _DIGEST.sub("", name)


def _free_name(store: Store, name: str) -> str:
    """The name, or the next one not taken by a readable study; `write_study` handles the others."""
    taken = {study.name for study in store.studies()}
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(free for free in names if free not in taken)


def _difference(
    store: Store, one: StudyRecord, planned: StudyRecord, specs: Mapping[str, TrialSpec]
) -> str:
    """How a stored study differs from a planned one, in words."""
    for what, there, here in (
        ("kind", one.kind, planned.kind),
        ("parameters", " and ".join(sorted(one.axes)), " and ".join(sorted(planned.axes))),
        ("rows", _rows(one), _rows(planned)),
        ("splits", _splits(one), _splits(planned)),
    ):
        if there != here:
            return f"other {what} ({there or 'none'}; here {here or 'none'})"
    for first, now in zip(trials_of(one), trials_of(planned), strict=False):
        try:
            stored = store.read(first, whole=False).spec
            if first != now and (differences := _differences(stored, specs[now])):
                return f"other settings ({'; '.join(differences)})"
        except (KeyError, InvalidInput, UnreadableFile):
            continue
    return "other settings or other data"


def _differences(there: TrialSpec, here: TrialSpec) -> list[str]:
    ours, theirs = here.model_dump(mode="json"), there.model_dump(mode="json")
    differences = []
    for section, fields in theirs.items():
        for field, value in fields.items():
            if field in ("location", "weights_file", "seed") or value == ours[section].get(field):
                continue
            name = field.replace("_", " ")
            differences.append(
                "other images"
                if field == "fingerprint"
                else f"{name} {value}, now {ours[section].get(field)}"
            )
    return differences


def _splits(study: StudyRecord) -> str:
    return "one for each seed" if study.vary_split else "the same for every seed"


def _rows(study: StudyRecord) -> str:
    return ", ".join(sorted(arm.label for arm in study.arms))[:200]

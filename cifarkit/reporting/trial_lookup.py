"""Finds the trial that a user names: by id, by a prefix of it, or the best one."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cifarkit.errors import InvalidInput, unknown
from cifarkit.store.file_io import UnreadableFile
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import Store
from cifarkit.store.studies import matching, trials_of
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.training_checks import findings
from cifarkit.text import counted, listed

BEST = "best"
SHORTEST_PREFIX = 4
_SHOWN = 8


@dataclass(frozen=True)
class Best:
    """The best trial of several.

    Attributes:
        of: The number of complete trials that it was chosen from.
        same_data: Whether all of those were validated on the same images.
        unread: Why each unreadable trial was skipped.
    """

    record: TrialRecord
    of: int
    same_data: bool
    unread: tuple[str, ...]


def named(store: Store, text: str) -> TrialRecord:
    """The trial with this id or unique prefix; see `id_of`."""
    return store.read(id_of(store, text))


def id_of(store: Store, text: str) -> str:
    """The id with this unique prefix.

    Raises:
        InvalidInput: There is none, there are several, or fewer than four letters were given.
    """
    known = _known(store)
    if text in known:
        return text
    found = [trial_id for trial_id in known if trial_id.startswith(text)]
    if found and len(text) < SHORTEST_PREFIX:
        raise InvalidInput(
            f"{text!r} is too short for a trial's id: give its first {SHORTEST_PREFIX} letters or "
            "more"
        )
    if len(found) > 1:
        raise InvalidInput(f"{text!r} may be any of {len(found)} trials: {_some(found)}")
    if not found:
        near = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {_some(known)}"
        raise InvalidInput(f"no trial {text!r} in {store.root}; {hint}")
    return found[0]


def best(store: Store, study: str | None = None) -> Best:
    """The complete trial with the highest validation accuracy; among equals, the smallest network.

    A training that went wrong (`store.training_checks`) is chosen only where all did.

    Args:
        store: The store.
        study: Only consider this study's trials.

    Raises:
        InvalidInput: There is no such study, or no complete trial.
    """
    known = _known(store)
    if study is None:
        return _best_of(store, known, str(store.root))
    wanted = set(trials_of(study_named(store, study)))
    return _best_of(store, [one for one in known if one in wanted], f"study {study!r}")


def final(store: Store, study: str) -> Best:
    """The best trial of what a study chose; of one with steps, of the last step that has trials.

    Raises:
        InvalidInput: There is no such study, or no complete trial.
    """
    known = _known(store)
    for record in reversed(studies_named(store.studies(), study)):
        chosen = record.choice.arm if record.choice else None
        wanted = {
            one for arm in record.arms if chosen in (None, arm.label) for one in arm.trials
        } & set(known)
        if any(store.is_complete(one) for one in wanted):
            return _best_of(store, sorted(wanted), f"study {study!r}")
    raise InvalidInput(f"no trial of study {study!r} is complete")


def trial_or_study(store: Store, text: str) -> Best:
    """The trial that `best`, a trial's id or its first letters, or a study's name mean.

    Raises:
        InvalidInput: There is none, or no complete trial.
    """
    if text == BEST:
        return best(store)
    try:
        return Best(named(store, text), 1, True, ())
    except UnreadableFile as error:
        raise InvalidInput(str(error)) from None
    except InvalidInput as error:
        studies = store.studies()
        if matching(studies, text):
            return final(store, text)
        names = f"; studies: {_some([one.name for one in studies])}" if studies else ""
        raise InvalidInput(f"{error}{names}") from None


def _best_of(store: Store, known: Sequence[str], place: str) -> Best:
    records, unread = [], []
    for trial_id in known:
        try:
            records.append(store.read(trial_id))
        except UnreadableFile as error:
            unread.append(str(error))
    ranked = sorted(filter(lambda record: record.complete, records), key=rank)
    if not ranked:
        states = Counter(record.state.status.value for record in records)
        states.update(["damaged"] * len(unread))
        counts = f": {listed(f'{n} {state}' for state, n in states.items())}" if states else ""
        raise InvalidInput(f"no trial of {place} is complete{counts}")
    images = {repr(record.spec.data.model_dump(exclude={"location"})) for record in ranked}
    return Best(ranked[0], len(ranked), len(images) == 1, tuple(unread))


def study_named(store: Store, text: str) -> StudyRecord:
    """The one study that `--study` means.

    Raises:
        InvalidInput: There is none, or there are several.
    """
    named = studies_named(store.studies(), text)
    if len(named) > 1:
        raise InvalidInput(
            f"--study: {text!r} may be any of {listed((found.name for found in named), 'or')}"
        )
    return named[0]


def seeds_of(store: Store, trial_id: str) -> tuple[str, ...]:
    """The trials that have the settings of this one and another seed, and itself; by id."""
    arms = [arm.trials for study in store.studies() for arm in study.arms]
    return max((ids for ids in arms if trial_id in ids), key=len, default=(trial_id,))


def studies_named(studies: Sequence[StudyRecord], text: str) -> list[StudyRecord]:
    """The studies that `--study` means; see `store.studies.matching`.

    Raises:
        InvalidInput: There is none.
    """
    if not (found := matching(studies, text)):
        raise unknown("--study", text, (study.name for study in studies))
    return found


def described(found: Best) -> list[str]:
    """Remarks on the choice for the user, one per line."""
    record, result = found.record, found.record.result
    assert result is not None
    lines = [
        f"best of {counted(found.of, 'complete trial')}: {record.trial_id} "
        f"({record.spec.model.model}, validation accuracy {result.accuracy.validation:.3f})"
    ]
    if not found.same_data:
        lines.append(
            "these trials do not share their data or classes, so their accuracies are not "
            "comparable: choose among the trials of one study with --study"
        )
    lines += [f"{finding.detail}" for finding in findings(record)]
    return lines + [f"passed over: {reason}" for reason in found.unread]


def rank(record: TrialRecord) -> tuple[bool, float, int]:
    """The lowest of complete trials is the best."""
    assert record.result is not None
    accuracy = record.result.accuracy.validation
    broken = any(finding.broken for finding in findings(record))
    # Ranks NaN last.
    return (broken, -accuracy if accuracy >= 0 else 1.0, record.result.parameters.total)


def _known(store: Store) -> list[str]:
    known = store.trial_ids()
    if not known:
        raise InvalidInput(
            f"--runs: there is no trial in {store.root}; train one first (cifarkit zoo --help)"
        )
    return known


def _some(ids: Sequence[str]) -> str:
    if len(ids) <= _SHOWN:
        return ", ".join(ids)
    return f"{', '.join(ids[:_SHOWN])} and {len(ids) - _SHOWN} more"

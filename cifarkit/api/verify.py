"""Verifies a written report: writes it again from the store and compares."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

from cifarkit.api import retrain as retrained
from cifarkit.api.existing_store import existing_store
from cifarkit.api.report import written_again
from cifarkit.api.verify_lines import Line, lines_of, values_of
from cifarkit.errors import InvalidInput
from cifarkit.store.records import TrialRecord
from cifarkit.text import plain, shortened
from cifarkit.version import __version__

MOST_BYTES = 64 * 2**20
ROUNDING = 1e-6
"""Accuracies were computed in 32-bit floats."""
_SHOWN = 400
_FIGURE = re.compile(r"^(!\[|\\includegraphics\[)", re.M)


@dataclass(frozen=True)
class Difference:
    """What a report states and what the store gives.

    Attributes:
        place: The line and the heading above it, or the trial.
        stated: The text of the document, or the recorded accuracy; empty where the store has more.
        found: The text that the store gives now, or the accuracy of the predictions.
    """

    place: str
    stated: str
    found: str


@dataclass(frozen=True)
class Verification:
    """What comparing a report with its store has shown.

    Attributes:
        differences: In the order of the document; trials whose predictions say otherwise come last.
        trials: How many trials' test accuracies were counted again from their predictions.
        notes: What could not be compared, and why.
        retrained: The trials that were trained again.
    """

    differences: tuple[Difference, ...]
    trials: int
    notes: tuple[str, ...]
    retrained: tuple[retrained.Retrained, ...] = ()


def verify(
    document: str | os.PathLike[str],
    store: str | os.PathLike[str] = "runs",
    *,
    retrain: int = 0,
) -> Verification:
    """Write a report again from the store and say what differs.

    Every file of its trials is checked against its checksum, and the test accuracy of every trial
    is counted again from its predictions. Of figures, captions and alternative texts are compared.

    Args:
        document: What `report` wrote in Markdown, HTML, LaTeX or JSON, with or without figures.
        store: The folder of results.
        retrain: So many of its trials, drawn at random, are trained again elsewhere and compared.

    Raises:
        InvalidInput: `retrain` is negative, the document cannot be read or does not say what it was
            made from, or the store lacks one of its studies.
    """
    if isinstance(retrain, bool) or not isinstance(retrain, int) or retrain < 0:
        raise InvalidInput(f"retrain: give a whole number of 0 or more, got {retrain!r}")
    from cifarkit.reporting import origin
    from cifarkit.store.trials import gather

    text = _read(Path(document))
    made_from = origin.of(text)
    stored = existing_store(Path(store))
    studies = [study for study in stored.studies() if study.name in made_from.studies]
    illustrated = made_from.format == "html" or bool(_FIGURE.search(text))
    drawn = illustrated and made_from.format != "json"
    notes = ["Of figures, what they show in words is compared, not the drawings."] if drawn else []
    if made_from.version != __version__:
        notes.append(
            f"It was written by cifarkit {made_from.version}; this is {__version__}, whose words "
            "may differ."
        )
    again = written_again(stored, made_from, illustrated=drawn)
    if made_from.format == "json":
        differences = list(_of_values(values_of(text), values_of(again)))
    else:
        before, after = (lines_of(one, made_from.format) for one in (text, again))
        differences = list(_of_lines(before, after))
    trials = gather(stored, studies, whole=True)
    for error in trials.unreadable.values():
        differences.append(Difference(str(error.path), "", error.why))
    counted = 0
    for record in trials.values():
        if record.result is None:
            continue
        try:
            found = _accuracy(record)
        except InvalidInput as error:
            notes.append(f"Not counted again: {error}")
            continue
        counted += 1
        stated = record.result.accuracy.test
        if abs(found - stated) > ROUNDING:
            place = f"test accuracy of trial {record.trial_id}"
            differences.append(Difference(place, f"{stated:.6f}", f"{found:.6f}"))
    again_trained = retrained.retrain(list(trials.values()), retrain) if retrain else []
    for one in again_trained:
        if why := one.failure or "; ".join(one.elsewhere):
            notes.append(f"Trial {one.trial_id}, trained again: {why}")
        if one.failure or one.equal:
            continue
        place = f"trial {one.trial_id}, trained again" + " elsewhere" * bool(one.elsewhere)
        differ = f"{one.changed_predictions:,} of {one.images:,} test images classified differently"
        differences.append(Difference(place, f"{one.stated:.6f}", f"{one.found:.6f}, {differ}"))
    if len(again_trained) < retrain:
        notes.append(f"Only {len(again_trained)} could be trained again.")
    return Verification(tuple(differences), counted, tuple(notes), tuple(again_trained))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidInput(f"{path} is larger than {MOST_BYTES:,} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not text in UTF-8") from None


def _accuracy(record: TrialRecord) -> float:
    """The share of the test images that its predictions have right."""
    from cifarkit.store.predictions import of_trial

    saved = of_trial(record)
    return float((saved.labels == saved.predictions).mean())


def _of_values(stated: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Difference]:
    for place in dict.fromkeys([*stated, *found]):
        before, after = stated.get(place, ""), found.get(place, "")
        if before != after:
            yield Difference(place, shortened(before, _SHOWN), shortened(after, _SHOWN))


def _of_lines(ours: Sequence[Line], theirs: Sequence[Line]) -> Iterator[Difference]:
    before_all, after_all = ([line.text for line in lines] for lines in (ours, theirs))
    matcher = SequenceMatcher(None, before_all, after_all, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        for before, after in zip_longest(ours[a:b], theirs[c:d]):
            if before and after:
                place = f"line {before.number}, {before.heading}"
                yield from _within(place, before.text, after.text)
            elif before:
                place = f"line {before.number}, {before.heading}"
                yield Difference(place, shortened(before.text, _SHOWN), "")
            elif after:
                yield Difference(after.heading, "", shortened(after.text, _SHOWN))


def _within(place: str, stated: str, found: str) -> Iterator[Difference]:
    """The cells of a row that differ, or the whole lines."""
    rows: list[Sequence[str]] = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", text)[1:-1]] for text in (stated, found)
    ]
    if len(rows[0]) == len(rows[1]) > 1 and rows[0][0] == rows[1][0]:
        for before, after in zip(*rows, strict=True):
            if before != after:
                yield Difference(f"{place}, {plain(rows[0][0])}", before, after)
    else:
        yield Difference(place, shortened(stated, _SHOWN), shortened(found, _SHOWN))

"""Loading the trials of a document; unreadable ones are kept with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cifarkit.errors import InvalidInput
from cifarkit.store import inference
from cifarkit.store.file_io import UnreadableFile
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import Store
from cifarkit.store.study_records import StudyRecord


class Trials(dict[str, TrialRecord]):
    """Trials by id; one that was never started is missing.

    Attributes:
        unreadable: By id, why a trial could not be read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unreadable: dict[str, UnreadableFile] = {}


def gather(store: Store, studies: Iterable[StudyRecord], *, whole: bool = False) -> Trials:
    """The trials of some studies; for `whole` see `file_io.read_trial`."""
    listed = {trial for study in studies for arm in study.arms for trial in arm.trials}
    return read_all(store, sorted(listed), whole=whole)


def read_all(store: Store, trial_ids: Iterable[str], *, whole: bool = False) -> Trials:
    """The trials with these ids that the store has."""
    trials = Trials()
    for trial_id in trial_ids:
        try:
            record = store.read(trial_id, whole=whole)
            measured = inference.read(record.folder)
            trials[trial_id] = replace(record, inference=measured) if measured else record
        except UnreadableFile as error:
            trials.unreadable[trial_id] = error
        except InvalidInput:
            continue  # never started
    return trials

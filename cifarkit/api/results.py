"""Results of a run or a store: records, a data frame, conclusions, tables and figures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.api.existing_store import existing_store
from cifarkit.console import say
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from cifarkit.store.studies import trials_of
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.trials import Trials, gather, read_all

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Results:
    """Studies and their trials in a store.

    Attributes:
        store: The store that holds them.
        studies: In the order of their steps, or of their age.
        records: Trials by id, without their histories; `records.unreadable` has unreadable files.
            Trials that were never started are missing.
        statuses: Statuses of this run's trials by id; empty for an opened store.
        left_out: Steps of a whole study that did not apply, with the reason.
    """

    store: Store
    studies: tuple[StudyRecord, ...]
    records: Trials
    statuses: Mapping[str, Status] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> dict[str, str]:
        """Why trials have no result, by id; empty if all are complete."""
        from cifarkit.reporting.arm_results import trouble_of

        listed = dict.fromkeys(trial for study in self.studies for trial in trials_of(study))
        listed |= dict.fromkeys((*self.statuses, *self.records, *self.records.unreadable))
        reasons = {trial: trouble_of(trial, self.records) for trial in listed}
        return {trial: reason for trial, reason in reasons.items() if reason}

    @cached_property
    def conclusions(self) -> list[str]:
        """Sentences supported by the predictions, from the tests of `evaluation.comparison`.

        With several studies, each sentence begins with the study's title.
        """
        from cifarkit.reporting.conclusions import conclusions
        from cifarkit.reporting.study_labels import views
        from cifarkit.reporting.variance_text import variance_sentences

        several = len(self.studies) > 1
        return [
            f"{view.title}: {sentence}" if several else sentence
            for view in views(self.studies, self.records)
            for sentence in (*conclusions(view).sentences, *variance_sentences(view))
        ]

    def study(self, name: str) -> Results:
        """The results of one study, or of all steps of a whole one, by its name.

        Raises:
            InvalidInput: There is no such study.
        """
        from cifarkit.reporting.trial_lookup import studies_named

        found = tuple(studies_named(self.studies, name))
        trials, listed = Trials(), {trial for study in found for trial in trials_of(study)}
        trials.update({id_: one for id_, one in self.records.items() if id_ in listed})
        trials.unreadable.update(
            {id_: why for id_, why in self.records.unreadable.items() if id_ in listed}
        )
        statuses = {id_: status for id_, status in self.statuses.items() if id_ in listed}
        return Results(self.store, found, trials, statuses)

    def to_dataframe(self) -> pd.DataFrame:
        """A row per trial of each study, with the columns of `cifarkit report --format csv`.

        An arm that is not possible has a row without a trial. Trials that no study lists have no
        row; `records` has them.
        """
        import pandas as pd

        from cifarkit.reporting.export import trial_rows
        from cifarkit.reporting.study_labels import views

        return pd.DataFrame(trial_rows(views(self.studies, self.records), published=False))

    def history(self, trial: str) -> pd.DataFrame:
        """A row per epoch of a trial: losses, accuracies, learning rate, seconds.

        Raises:
            InvalidInput: There is no such trial.
        """
        import pandas as pd

        from cifarkit.reporting.trial_lookup import named

        return pd.DataFrame(list(named(self.store, trial).history))

    def __repr__(self) -> str:
        titles = ", ".join(study.title for study in self.studies) or "no studies"
        return (
            f"<Results of {titles}: {len(self.records)} trials in {self.store.root}, "
            f"{len(self.failed)} without a result>"
        )

    def _repr_html_(self) -> str:
        """The appendix with its figures, for a notebook."""
        from cifarkit.reporting.appendix import compose
        from cifarkit.reporting.output import notebook_html
        from cifarkit.reporting.study_labels import views

        trials = gather(self.store, self.studies)
        return notebook_html(
            compose(views(self.studies, trials), published=False, illustrated=True)
        )


def open_store(store: str | os.PathLike[str] = "runs") -> Results:
    """All studies and trials of a store.

    Raises:
        InvalidInput: There is no store at this path.
    """
    opened = existing_store(Path(store))
    studies = opened.studies(lambda error: say(f"left out: {error}", "yellow"))
    return Results(opened, tuple(studies), read_all(opened, opened.trial_ids()))

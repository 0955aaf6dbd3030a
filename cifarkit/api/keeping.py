"""Which trials of a study keep their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from cifarkit.console import messages, say
from cifarkit.reporting.trial_lookup import rank
from cifarkit.store.kept_weights import Precision, discard, halve_kept, keep
from cifarkit.store.records import TrialRecord
from cifarkit.store.setting_words import model_name
from cifarkit.store.store import KEPT_WEIGHTS, Store
from cifarkit.store.studies import trials_of
from cifarkit.store.study_records import StudyRecord

Keep = Literal["none", "best", "final", "all"]
WORK: dict[Keep, str] = {
    "none": "cifarkit.training.trial:run_trial",
    "best": "cifarkit.training.trial:run_trial_and_offer_weights",
    "final": "cifarkit.training.trial:run_trial_and_offer_weights",
    "all": "cifarkit.training.trial:run_trial_and_keep_weights",
}
"""What trains a trial. Which of several is the best is known when all are trained, so that each
leaves its weights as a candidate."""


class Keeper:
    """Keeps the weights of what each study, or a whole of several steps, chose."""

    def __init__(self, store: Store, policy: Keep, precision: Precision) -> None:
        self._store, self._policy, self._precision = store, policy, precision
        self._final: TrialRecord | None = None

    def study_done(self, record: StudyRecord, trials: Mapping[str, TrialRecord]) -> None:
        """After a study or step, with its choice if it made one."""
        complete = [trials[one] for one in trials_of(record) if one in trials]
        complete = [trial for trial in complete if trial.complete]
        if self._policy == "all":
            if self._precision == "float16":
                for trial in complete:
                    halve_kept(self._store, trial.trial_id)
            return
        best = None if self._policy == "none" else chosen_trial(record, trials)
        for trial in complete:
            if best is None or trial.trial_id != best.trial_id:
                discard(self._store, trial.trial_id)
        if best is not None and self._policy == "best":
            self._keep(best)
        elif best is not None:
            if self._final is not None and self._final.trial_id != best.trial_id:
                discard(self._store, self._final.trial_id)
            self._final = best

    def all_done(self) -> None:
        """After the last step."""
        if self._final is not None:
            self._keep(self._final)

    def _keep(self, trial: TrialRecord) -> None:
        name = f"{trial.trial_id} ({model_name(trial.spec.model.model)})"
        path = trial.folder / KEPT_WEIGHTS
        if path.is_file():
            return
        if keep(self._store, trial.trial_id, self._precision):
            if not messages().is_jupyter:  # a saved notebook holds the end of a run alone
                say(f"Kept the weights of {name}, {path.stat().st_size / 1e6:,.1f} MB.")
        else:
            say(
                f"The weights of {name}, the best, were not kept when it was trained; "
                f"`cifarkit train {trial.trial_id}` trains it again and keeps them."
            )


def chosen_trial(record: StudyRecord, trials: Mapping[str, TrialRecord]) -> TrialRecord | None:
    """The best complete trial of the arm that a study chose, or of all; None if there is none."""
    chosen = record.choice.arm if record.choice else None
    ids = [one for arm in record.arms if chosen in (None, arm.label) for one in arm.trials]
    complete = [trials[one] for one in ids if one in trials and trials[one].complete]
    return min(complete, key=rank, default=None)

"""The next trials of a study that adds seeds until its comparison is settled."""

from __future__ import annotations

from cifarkit.console import say
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.trials import Trials
from cifarkit.studies.study import Study


def next_look(study: Study, run: Study, record: StudyRecord, trials: Trials) -> Study | None:
    """What is to be run by the next look, including what was; None if there is none.

    It depends on the trials alone, so that a run that was killed goes on as it would have.

    Args:
        study: With all seeds that any arm may get.
        run: With the seeds that have been run.
        record: Of the same arms, in the same order.
    """
    if not study.max_seeds:
        return None
    from cifarkit.evaluation.sequential_wording import progress_sentence
    from cifarkit.reporting.conclusions import comparable_arms, looks_taken
    from cifarkit.reporting.study_view import StudyView

    view = StudyView(record, trials)
    arms = comparable_arms(view)
    counts = {name: len(arm.specs) for name, arm in zip(view.named, run.arms, strict=True)}
    if not arms.enough:
        say("There is nothing to compare, so no seeds are added.")
        return None
    tried = {name: seeds or study.max_seeds for name, seeds in counts.items()}
    state = looks_taken(arms, record, tried)
    say(progress_sentence(state))
    if state.next is None:
        return None
    return study.with_seeds(
        [state.next.seeds if name in state.left else seeds for name, seeds in counts.items()]
    )

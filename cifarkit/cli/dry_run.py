"""`--dry-run`: every trial with its parameters, estimated memory and expected time."""

from __future__ import annotations

from collections.abc import Iterable

from cifarkit.cli.console import messages, plain_or_rich_table, say
from cifarkit.cli.data_notes import check_data
from cifarkit.cli.progress_messages import in_words
from cifarkit.specs import TrialSpec
from cifarkit.store.store import Store
from cifarkit.studies.provenance_changes import other_graph, other_packages
from cifarkit.studies.runtime_estimate import RuntimeEstimates
from cifarkit.studies.study import Study


def show_plan(studies: Iterable[Study], store: Store, *, strict: bool) -> None:
    """Print the trials of the studies; train nothing.

    A trial that two studies share is listed once. The time is expected from the store's trials of
    the same network and size on this machine, and left out where there are none.

    Raises:
        InvalidInput: As `check_data` does.
    """
    from cifarkit.report import layouts
    from cifarkit.report.table_columns import MEMORY
    from cifarkit.training.cost_estimate import plan

    arms: dict[str, tuple[Study, str, TrialSpec]] = {}
    rows: list[list[str]] = []
    several = False
    for study in studies:
        if study.rates:
            say(study.rates)
        several = several or study.step > 1
        for arm in study.arms:
            for spec in arm.specs:
                arms.setdefault(spec.trial_id, (study, arm.label, spec))
    check_data((spec for _, _, spec in arms.values()), store, strict=strict)
    for sentence in other_packages((spec for _, _, spec in arms.values()), store):
        say(sentence, "yellow")
    experience = RuntimeEstimates.of(store)
    total: float | None = 0.0
    with messages().status("Counting and estimating ..."):
        for planned in plan(spec for _, _, spec in arms.values()):
            spec = planned.spec
            study, label, _ = arms[spec.trial_id]
            done = store.is_complete(spec.trial_id)
            seconds = 0.0 if done else experience.seconds(spec)
            total = None if total is None or seconds is None else total + seconds
            memory = (
                planned.estimated_mb
                if MEMORY in layouts.along(study.axes).measures
                else planned.estimated_with_input_mb
            )
            row = [label or study.title, str(spec.model.image_size), f"{planned.total_params:,}"]
            row += [f"{planned.trainable_params:,}", f"{memory:.3f}".rstrip("0").rstrip(".")]
            when = "done" if done else in_words(seconds) if seconds else ""
            if done and other_graph(store.read(spec.trial_id), planned.graph_sha256):
                when = "done, from a graph other than is built now"
            row += [when, spec.trial_id]
            rows.append([study.title, *row] if several else row)
    for study in studies:
        for arm in study.arms:
            if arm.impossible:
                row = [arm.label, "", "", "", "", "", f"not possible: {arm.impossible}"]
                rows.append([study.title, *row] if several else row)
    header = ["Arm", "Image px", "Parameters", "Trainable", "Est. memory MB", "At most", "Trial"]
    shift = int(several)
    until = f", at most {in_words(total)}" if total else ""
    plain_or_rich_table(
        f"{len(arms)} trials, none run{until}",
        ["Step", *header] if several else header,
        rows,
        numeric={n + shift for n in range(1, 6)},
    )

"""The NeurIPS paper checklist, as far as a store answers it.

Source: the checklist of NeurIPS 2025 (neurips.cc/public/guides/PaperChecklist), 16 questions.
"""

from __future__ import annotations

from collections.abc import Sequence

from cifarkit.reporting.document_model import Block, Paragraph
from cifarkit.reporting.formatting import trimmed
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Table, text_cell, text_columns
from cifarkit.store.records import TrialRecord
from cifarkit.text import counted, listed

FOR_THE_AUTHOR = (
    "1 Claims", "2 Limitations", "3 Theory, assumptions and proofs", "9 Code of ethics",
    "10 Broader impacts", "11 Safeguards", "13 New assets", "14 Crowdsourcing and research with "
    "human subjects", "15 Review board approvals", "16 Declaration of LLM usage",
)  # fmt: skip
"""What no store can answer."""


def blocks(views: Sequence[StudyView]) -> list[Block]:
    """The answers, and what is left to the author."""
    trials = list({trial.trial_id: trial for view in views for _, trial in view.trials}.values())
    done = [trial for trial in trials if trial.complete]
    if not done:
        return []
    rows = [
        (
            "4 Result reproducibility",
            "Yes: versions, seeds and a command line for each study are in “How to repeat this”.",
        ),
        (
            "5 Open access to data and code",
            "For the author: where the code, the data and the results are published.",
        ),
        ("6 Setting and details", "Yes: the data, their splits and every setting are stated."),
        ("7 Statistical significance", _significance(views)),
        ("8 Compute resources", _compute(trials, done)),
        ("12 Licenses of existing assets", _licences(done)),
    ]
    table = Table(
        "checklist",
        "The NeurIPS paper checklist (2025), as far as the results answer it.",
        text_columns("Question", "Answer"),
        tuple(tuple(map(text_cell, row)) for row in rows),
    )
    return [table, Paragraph(f"For the author to answer: {listed(FOR_THE_AUTHOR)}.")]


def _significance(views: Sequence[StudyView]) -> str:
    seeds = [len(result.done) for view in views for result in view.results if result.done]
    if min(seeds) > 1:
        return (
            f"Yes: {_range(seeds)} seeds per setting; 95% intervals over other seeds and other "
            "test images, for all pairs of settings at once."
        )
    if max(seeds) > 1:
        return (
            f"Partly: {_range(seeds)} seeds per setting. Intervals of settings with several are "
            "over other seeds and images, of the rest over other test images only."
        )
    return (
        "Partly: one seed per setting. The 95% intervals are of the trained models over other test "
        "images; what another seed would change is not in them."
    )


def _range(seeds: Sequence[int]) -> str:
    low, high = min(seeds), max(seeds)
    return f"{low} to {high}" if low < high else str(low)


def _compute(trials: Sequence[TrialRecord], done: Sequence[TrialRecord]) -> str:
    results = [trial.result for trial in done if trial.result is not None]
    hours = sum(result.time.trial_seconds for result in results) / 3600
    peak = max(result.memory.peak_rss_mb for result in results) / 1024
    other = len(trials) - len(done)
    rest = f" {counted(other, 'other trial')}, without a result, not included." if other else ""
    return (
        f"Yes: {counted(len(done), 'training')}, {trimmed(hours, 2)} hours of wall-clock time in "
        f"all, at most {trimmed(peak, 1)} GB of memory; the machine is stated.{rest} Preliminary "
        "experiments: for the author."
    )


def _licences(done: Sequence[TrialRecord]) -> str:
    if all(trial.spec.model.weights == "none" for trial in done):
        return "No pretrained weights were used. Of the data: for the author."
    return "Of the weights, as far as known: “Weights to start from”. Of the data: for the author."

"""Evaluation of one trained network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.api.open_store import existing_store
from cifarkit.console import say
from cifarkit.errors import InvalidInput
from cifarkit.reporting.evaluation_report import PAIRS

if TYPE_CHECKING:
    import pandas as pd

    from cifarkit.reporting.evaluation_result import Scores

BEST = "best"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The evaluation of one network on its test images.

    Attributes:
        scores: All results: confusion, calibration, superclasses, the trial.
    """

    scores: Scores

    @property
    def accuracy(self) -> float:
        """Top-1 on the test images."""
        return self.scores.top1.accuracy

    @property
    def metrics(self) -> dict[str, float | int | None]:
        """Shares from 0 to 1, with the 95% Wilson interval of the accuracy.

        Values that are not available are None.
        """
        scores = self.scores
        interval = scores.top1.interval
        return {
            "accuracy": scores.top1.accuracy,
            "accuracy_low": interval.low,
            "accuracy_high": interval.high,
            "top5_accuracy": scores.top5.accuracy if scores.top5 else None,
            "validation_accuracy": scores.validation.accuracy if scores.validation else None,
            "expected_calibration_error": scores.calibration.expected_error,
            "test_images": scores.top1.images,
        }

    def to_dataframe(self) -> pd.DataFrame:
        """One row per class, with the columns of `cifarkit evaluate --format csv`."""
        import pandas as pd

        from cifarkit.reporting.evaluation_export import class_rows

        return pd.DataFrame(class_rows(self.scores))

    def document(
        self,
        format: str = "markdown",
        *,
        figures: str | os.PathLike[str] | None = None,
        pairs: int = PAIRS,
    ) -> str:
        """Write the evaluation as a document.

        Args:
            format: `markdown`, `html`, `latex`, `csv` (a row per class) or `json`.
            figures: A folder to draw the figures into.
            pairs: How many confused pairs are shown.

        Raises:
            InvalidInput: The format is unknown, or the figures cannot be written.
        """
        from cifarkit.reporting.evaluation_report import evaluation

        folder = None if figures is None else Path(figures)
        return evaluation(self.scores, format=format, figures_dir=folder, pairs=pairs)

    def __repr__(self) -> str:
        top1 = self.scores.top1
        return f"<Evaluation of {self.scores.name}: {top1.right} of {top1.images} images right>"

    def _repr_html_(self) -> str:
        """The document with its figures, for a notebook."""
        from cifarkit.reporting.evaluation_report import evaluation_document
        from cifarkit.reporting.output import notebook_html

        return notebook_html(evaluation_document(self.scores, illustrated=True))


def evaluate(
    target: str | os.PathLike[str] = BEST,
    store: str | os.PathLike[str] = "runs",
    *,
    study: str | None = None,
) -> Evaluation:
    """Evaluate a trial's saved predictions.

    Args:
        target: A trial's id or its first letters; `"best"`, the complete trial of the highest
            validation accuracy; or the path of a `predictions.npz`.
        store: The folder of results.
        study: Choose the best among this study's trials.

    Raises:
        InvalidInput: There is no such trial or file, or its predictions cannot be read.
    """
    from cifarkit.reporting import evaluation_result, trial_lookup

    target = os.fspath(target)
    if study is not None and target != BEST:
        raise InvalidInput(f"--study chooses among several trials: say 'best', not {target!r}")
    if target == BEST:
        found = trial_lookup.best(existing_store(Path(store)), study)
        for line in trial_lookup.described(found):
            say(line)
        return Evaluation(evaluation_result.of_trial(found.record))
    if _is_path(target):
        return Evaluation(evaluation_result.of_file(Path(target)))
    record = trial_lookup.named(existing_store(Path(store)), target)
    return Evaluation(evaluation_result.of_trial(record))


def _is_path(target: str) -> bool:
    """A trial's id has neither a folder nor a suffix."""
    return target.endswith(".npz") or Path(target).name != target

"""Results of evaluating one network, or several."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.reporting.evaluation_report import PAIRS

if TYPE_CHECKING:
    import pandas as pd

    from cifarkit.reporting.evaluation_scores import Scores
    from cifarkit.reporting.evaluation_several import Run, Runs
    from cifarkit.reporting.explanations import Explanations


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The evaluation of one network on its test images.

    Attributes:
        scores: All results: confusion, calibration, superclasses, the trial.
        seeds: The complete trials that differ in their seed only, this one among them; empty if
            there are no others.
        explanations: Grad-CAM of some test images, where it was asked for.
    """

    scores: Scores
    seeds: tuple[Run, ...] = ()
    explanations: Explanations | None = None

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
            "balanced_accuracy": scores.metrics["balanced_accuracy"],
            "macro_f1": scores.metrics["macro_f1"],
            "negative_log_likelihood": scores.metrics.get("nll"),
            "brier_score": scores.metrics.get("brier"),
            "expected_calibration_error": scores.metrics.get("ece"),
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
        figure_format: str = "png",
        pairs: int = PAIRS,
        pair: str | None = None,
    ) -> str:
        """Write the evaluation as a document.

        Args:
            format: `markdown`, `html`, `latex`, `csv` (a row per class) or `json`.
            figures: A folder to draw the figures into.
            figure_format: Of the files in that folder: `png`, `svg` or `pdf`.
            pairs: How many confused pairs are shown.
            pair: Two classes, `boy/man`, whose confusions are shown with their images.

        Raises:
            InvalidInput: The format or a class is unknown, or the figures cannot be written.
        """
        from cifarkit.reporting.evaluation_report import evaluation

        folder = None if figures is None else Path(figures)
        return evaluation(
            self.scores,
            format=format,
            figures_dir=folder,
            figure_format=figure_format,
            pairs=pairs,
            pair=pair,
            seeds=self.seeds,
            explanations=self.explanations,
        )

    def __repr__(self) -> str:
        top1 = self.scores.top1
        return f"<Evaluation of {self.scores.name}: {top1.right} of {top1.images} images right>"

    def _repr_html_(self) -> str:
        """The document with its figures, for a notebook."""
        from cifarkit.reporting.evaluation_report import evaluation_document
        from cifarkit.reporting.output import notebook_html

        written = evaluation_document(
            self.scores, illustrated=True, seeds=self.seeds, explanations=self.explanations
        )
        return notebook_html(written)


@dataclass(frozen=True, eq=False)
class Evaluations:
    """The evaluation of several networks.

    Attributes:
        runs: Every one of them, and sentences on which of them differ.
    """

    runs: Runs

    @property
    def conclusions(self) -> tuple[str, ...]:
        """Sentences that the predictions support."""
        return self.runs.conclusions

    def to_dataframe(self) -> pd.DataFrame:
        """One row per network, with the columns of `cifarkit evaluate A B --format csv`."""
        import pandas as pd

        from cifarkit.reporting.evaluation_several import rows

        return pd.DataFrame(rows(self.runs.models))

    def document(self, format: str = "markdown") -> str:
        """Write the evaluation as a document.

        Args:
            format: `markdown`, `html`, `latex`, `csv` (a row per network) or `json`.

        Raises:
            InvalidInput: The format is unknown.
        """
        from cifarkit.reporting.evaluation_several import written

        return written(self.runs, format)

    def __repr__(self) -> str:
        return f"<{self.runs.title}>"

    def _repr_html_(self) -> str:
        from cifarkit.reporting.evaluation_several import document
        from cifarkit.reporting.output import notebook_html

        return notebook_html(document(self.runs))

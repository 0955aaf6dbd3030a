"""A study that is planned and checked, but not run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cifarkit.api.plan import plan_trials
from cifarkit.specs import TrialSpec
from cifarkit.studies import config, pipeline
from cifarkit.studies.config import StudyFile
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.study import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PlannedStudy:
    """A study that is planned and checked, for `cifarkit.run`.

    Attributes:
        source: The study, or the file whose steps are planned from what earlier ones choose.
        inputs: Its data and weights, which are looked at once: plan anew after changing them.
        overrides: Settings that replace the file's.
        call: The Python call that plans it, for the report.
    """

    source: Study | StudyFile
    inputs: Inputs = field(compare=False, repr=False)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    call: str = ""

    @property
    def title(self) -> str:
        return self.source.title

    def steps(self) -> list[pipeline.StepResult]:
        """Its steps, as far as they are known before any has run; a single study is one step.

        Raises:
            InvalidInput: A step cannot be planned.
        """
        if isinstance(self.source, Study):
            step = config.Step(title=self.source.title)
            return [pipeline.StepResult(step, self.source)]
        return list(pipeline.preview(self.source, overrides=self.overrides, inputs=self.inputs))

    def specs(self) -> list[TrialSpec]:
        """The spec of every trial, each once; of later steps of a file, as it assumes them.

        With `seeds="auto"` these are the trials that there may be.
        """
        studies = [step.study for step in self.steps() if step.study is not None]
        return list({spec.trial_id: spec for one in studies for spec in one.specs()}.values())

    def plan(
        self,
        store: str | os.PathLike[str] = "runs",
        *,
        name: str | None = None,
        strict: bool = False,
    ) -> pd.DataFrame:
        """Every trial with its parameters, estimated memory and expected time; trains nothing.

        Args:
            store: Where finished trials are looked up; their times give the expected ones.
            name: What the study would be called in the store; refused if another one is.
            strict: Refuse data with images that cannot be decoded.

        Returns:
            A row per trial of each step: `step`, `arm`, a column for each setting that differs
            between trials, `parameters`, `trainable_parameters`, `non_trainable_parameters`,
            `estimated_memory_mb` (the published study's estimate), `expected_seconds` (an upper
            bound, since training may stop early; NaN where the store has nothing to go by),
            `status` and `trial`. A trial that an earlier step has is named so in `status`; with
            `seeds="auto"`, later seeds are "if needed". Arms
            that are not possible have a row without a trial.

        Raises:
            InvalidInput: The data cannot be used.
        """
        import pandas as pd

        from cifarkit.reporting.hyperparameters import differing

        rows = plan_trials(self.steps(), self.inputs, store, name=name, strict=strict)
        varied = differing([row.settings for row in rows])
        counted = ("parameters", "trainable_parameters", "non_trainable_parameters")
        measured = (*counted, "estimated_memory_mb", "expected_seconds", "status", "trial")
        frame = pd.DataFrame(
            {
                "step": [row.step for row in rows],
                "arm": [row.arm for row in rows],
                **{name: [row.settings.get(name) for row in rows] for name in varied},
                **{name: [getattr(row, name) for row in rows] for name in measured},
            }
        )
        return frame.astype({"expected_seconds": float})

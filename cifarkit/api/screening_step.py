"""The first step of a study file that screens networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cifarkit.console import say
from cifarkit.store.screens import ScreenRecord
from cifarkit.studies.config import StudyFile
from cifarkit.studies.pipeline import RunScreen, kept
from cifarkit.text import counted, listed


def screening_step(file: StudyFile, store: Path, *, strict: bool, command: str) -> RunScreen:
    """How `studies.pipeline.walk` runs the screening of a study file."""

    def run_screen(
        models: Sequence[str], settings: Mapping[str, Any], max_parameters: float | None
    ) -> ScreenRecord:
        from cifarkit.api.screen import screen

        step = file.step[0]
        say(f"\nStep 1 of {len(file.step)}: {step.title}", "bold")
        record = screen(
            models,
            **settings,
            max_parameters=max_parameters,
            strict=strict,
            store=store,
            command=command,
        ).record
        say(
            f"Chosen: {listed(kept(record, step.keep))}; by the screening {len(record.going_on)} "
            f"of {counted(len(record.networks), 'network')} go on (screens/{record.name}.json)",
            "green",
        )
        return record

    return run_screen

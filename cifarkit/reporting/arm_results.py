"""Results of a study's arms: measurements, or the reason why there are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cifarkit.errors import InvalidInput
from cifarkit.models import registry
from cifarkit.reporting.formatting import trimmed
from cifarkit.store import training_checks
from cifarkit.store.file_io import DamagedFile
from cifarkit.store.records import Result, Status, TrialRecord
from cifarkit.store.study_records import Arm
from cifarkit.store.timing_checks import hardware
from cifarkit.store.training_checks import Finding
from cifarkit.store.trials import Trials
from cifarkit.text import plain, unique

NOT_RUN = "not run"
NOT_POSSIBLE = "not possible"
DAMAGED = "damaged"
NOT_READABLE = "not readable"


@dataclass(frozen=True)
class ArmResult:
    """An arm with its complete trials, and the reasons why others are missing.

    Attributes:
        name: The row's label, sanitized for display.
        done: The complete trials, in the order of their seeds.
        troubles: One reason per trial that is not complete.
        findings: What is wrong with each trial of `done` (see `store.training_checks`).
        letters: A letter for each hardware of the study's trials; empty if there is one.
    """

    arm: Arm
    name: str
    done: tuple[TrialRecord, ...]
    troubles: tuple[str, ...]
    findings: tuple[tuple[Finding, ...], ...] = ()
    letters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def results(self) -> list[Result]:
        return [trial.result for trial in self.done if trial.result is not None]

    @cached_property
    def hardware(self) -> tuple[str, ...]:
        """That of the complete trials, each once, in the order of `letters`."""
        used = tuple(unique(hardware(result.environment) for result in self.results))
        return tuple(name for name in self.letters if name in used) or used

    def values(
        self, get: Callable[[Result], float | None], *, on: str | None = None
    ) -> list[float]:
        """The values of the complete trials that measured it, `on` one hardware or any."""
        return [
            value
            for result in self.results
            if on in (None, hardware(result.environment)) and (value := get(result)) is not None
        ]

    @property
    def complete(self) -> bool:
        return bool(self.done) and not self.troubles

    @property
    def flaws(self) -> str:
        """The problems of the complete trials, in a few words; empty if there are none."""
        times = Counter(finding.brief for found in self.findings for finding in found)
        of = f" of {len(self.done)} " if len(self.done) > 1 else ""
        return "; ".join(f"{times[brief]}{of}{brief}" if of else brief for brief in times)

    @property
    def reason(self) -> str:
        """Why numbers are missing, in one line; empty if none are."""
        if self.arm.impossible:
            return f"{NOT_POSSIBLE}: {self.arm.impossible}"
        if not self.arm.trials:
            return NOT_RUN
        times = Counter(self.troubles)
        if not self.done and len(times) == 1:
            return self.troubles[0]
        seen = [f"{times[trouble]} of {len(self.arm.trials)} {trouble}" for trouble in times]
        return "; ".join(seen)

    @property
    def short_reason(self) -> str:
        """The reason in two or three words, for a narrow cell."""
        if self.done:
            return ""
        words = unique(part.split(":")[0].split(" (")[0] for part in self.troubles)
        return words[0] if words else (NOT_POSSIBLE if self.arm.impossible else NOT_RUN)


def arm_result(
    arm: Arm, records: Mapping[str, TrialRecord], axes: Collection[str] = ()
) -> ArmResult:
    """The result of an arm of a study along these axes."""
    done, troubles = [], []
    for trial_id in arm.trials:
        trial = records.get(trial_id)
        if trial is not None and trial.complete:
            done.append(trial)
        else:
            troubles.append(trouble_of(trial_id, records))
    name = plain(arm.label) or "(no name)"
    checked = tuple(tuple(training_checks.findings(trial, axes)) for trial in done)
    return ArmResult(arm, name, tuple(done), tuple(troubles), checked)


def trouble_of(trial_id: str, records: Mapping[str, TrialRecord]) -> str:
    """Why a trial has no result, for a table cell; empty if it has one."""
    trial = records.get(trial_id)
    if trial is not None:
        return "" if trial.complete else trouble(trial)
    unreadable = records.unreadable.get(trial_id) if isinstance(records, Trials) else None
    if unreadable is None:
        return NOT_RUN
    kind = DAMAGED if isinstance(unreadable, DamagedFile) else NOT_READABLE
    return f"{kind}: {unreadable.path.name} {unreadable.why}"


def trouble(trial: TrialRecord) -> str:
    """Why a trial that is not complete has no result."""
    state, reason = trial.state, trial.state.reason.strip()
    if state.status is Status.PENDING:
        return NOT_RUN
    if state.status is Status.RUNNING:
        return "not finished: it was running when this was written"
    if state.status is Status.COMPLETE:
        return "failed: its result is missing"
    name = {Status.OOM: "out of memory", Status.TIMEOUT: "timeout"}.get(state.status, "failed")
    text = f"{name}: {reason}" if reason and not reason.lower().startswith(name) else reason or name
    if state.status is Status.OOM and state.peak_rss_mb is not None:
        text += f" (peak seen {trimmed(state.peak_rss_mb / 1024, 1)} GB)"
    return text


def model_note(key: str) -> str:
    """A backbone's note for readers; may be empty."""
    try:
        return registry.get(key).note
    except InvalidInput:
        return (
            f"no installed package provides the network {key!r}; its row is what was "
            "recorded, and only training it needs the package."
        )

"""The result of a fit: its history, its times, and remarks on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median


@dataclass
class FitResult:
    """The result of a fit.

    Attributes:
        history: One row per epoch (see `store.records.TrialRecord.history`).
        best_epoch: The epoch, from 1, whose weights the model holds now.
        best_loss: The validation loss of that epoch, in nats.
        first_step_seconds: Tracing, optimizing and running the first step.
        seconds: The whole fit, including the parts of earlier attempts that it continues.
        worked_seconds, waited_seconds: Time in training steps, and the part waiting for batches.
        resumed_after: The epochs after which an earlier attempt had ended.
        ran_on: The distinct environments of the attempts, as far as they affect rounding.
        prefix_seconds: Running the frozen layers once per image, or reading the cache.
        prefix_made_seconds, prefix_entries: See `feature_cache.Source`.
        notes: Remarks for readers of the result.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")
    stopped_early: bool = False
    first_step_seconds: float = 0.0
    seconds: float = 0.0
    worked_seconds: float = 0.0
    waited_seconds: float = 0.0
    resumed_after: list[int] = field(default_factory=list)
    ran_on: list[str] = field(default_factory=list)
    prefix_seconds: float = 0.0
    prefix_made_seconds: float = 0.0
    prefix_entries: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def seconds_uncached(self) -> float:
        """`seconds` as if this fit had computed all outputs of the frozen layers itself."""
        return self.seconds - self.prefix_made_seconds + sum(self.prefix_entries.values())

    @property
    def input_wait_share(self) -> float:
        return self.waited_seconds / self.worked_seconds if self.worked_seconds else 0.0

    def median(self, column: str) -> float:
        return float(median(row[column] for row in self.history))

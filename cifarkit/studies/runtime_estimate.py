"""Estimates a trial's run time from earlier trials on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from cifarkit.profiling.devices import inventory
from cifarkit.profiling.environment import cpu_model
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Result, TrialRecord
from cifarkit.studies.inputs import Inputs


@dataclass(frozen=True)
class RuntimeEstimates:
    """Finished trials of this machine, and the data that trials to come are of."""

    trials: Sequence[TrialRecord]
    inputs: Inputs

    @classmethod
    def of(cls, trials: Iterable[TrialRecord], inputs: Inputs) -> RuntimeEstimates:
        """Those of a store's trials that ran on this model of processor and, if any, of GPU."""
        cpu = cpu_model()
        gpus: set[str | None] = {device.name for device in inventory()}
        ours = [
            trial
            for trial in trials
            if trial.result
            and trial.result.environment.cpu == cpu
            and trial.result.environment.gpu in (gpus or {None})
        ]
        return cls(ours, inputs)

    def seconds(self, spec: TrialSpec) -> float | None:
        """Upper estimate for a trial that runs all its epochs; None without a similar trial.

        Similar trials have the same network, size, depth and precision, on which training speed
        mainly depends.
        """
        like = [
            trial.result
            for trial in self.trials
            if trial.result is not None and _cost(trial.spec) == _cost(spec)
        ]
        if not like:
            return None
        images = self._train_images(spec)
        if images is None:
            return None
        rate = median(result.time.images_per_second for result in like)
        start = median(_start_seconds(result) for result in like)
        validation = median(_validation_seconds_per_image(result) for result in like)
        held_out = images * spec.data.validation_fraction
        trained = images - held_out
        epochs = spec.train.epochs + spec.train.head_epochs
        return start + epochs * (trained / rate + held_out * validation)

    def _train_images(self, spec: TrialSpec) -> int | None:
        """An upper bound, including validation images."""
        per_class = spec.data.train_per_class or spec.data.train_at_most
        if per_class is None:
            facts = self.inputs.data(spec.data.dataset, spec.data.location)
            per_class = facts.train_in_largest_class or facts.train_per_class
        return None if per_class is None else per_class * spec.data.classes


def _cost(spec: TrialSpec) -> tuple[object, ...]:
    model = spec.model
    return (model.model, model.image_size, model.unfreeze, spec.train.precision)


def _start_seconds(result: Result) -> float:
    time = result.time
    return max(0.0, time.trial_seconds - time.fit_seconds) + time.first_step_seconds


def _validation_seconds_per_image(result: Result) -> float:
    return result.time.evaluate_seconds / max(1, result.test_images)

"""How long a trial will take, from trials that were timed on this machine before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from cifarkit.datasets import registry as dataset_registry
from cifarkit.errors import InvalidInput
from cifarkit.profiling.environment import cpu_model
from cifarkit.specs import TrialSpec
from cifarkit.store.file_io import UnreadableFile
from cifarkit.store.records import Result, TrialRecord
from cifarkit.store.store import Store


@dataclass(frozen=True)
class RuntimeEstimates:
    """Finished trials of this machine."""

    trials: Sequence[TrialRecord]

    @classmethod
    def of(cls, store: Store) -> RuntimeEstimates:
        """What a store holds of trials that ran on a processor of this model."""
        here = cpu_model()
        found = []
        for trial_id in store.trial_ids():
            try:
                record = store.read(trial_id)
            except (UnreadableFile, InvalidInput):
                continue
            if record.result is not None and record.result.environment.cpu == here:
                found.append(record)
        return cls(found)

    def seconds(self, spec: TrialSpec) -> float | None:
        """Of a trial that runs all its epochs; None if nothing like it was timed.

        Like it is the same network, size, depth and precision: the rate at which images are
        trained then hardly depends on the rest.
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

    @staticmethod
    def _train_images(spec: TrialSpec) -> int | None:
        """At most how many there are, validation included."""
        per_class = spec.data.train_per_class or spec.data.train_at_most
        if per_class is None:
            facts = dataset_registry.facts(spec.data.dataset, spec.data.location)
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

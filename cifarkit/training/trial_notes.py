"""The notes of a result: what a reader of its figures should know about the data and the fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cifarkit.datasets.dataset import Splits
from cifarkit.execution.worker import has_own_process
from cifarkit.profiling.device_use import unused_device
from cifarkit.profiling.flops import uncounted
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Duplicates
from cifarkit.training.fit_result import FitResult
from cifarkit.training.model_builder import BuiltModel

MOST_WEIGHTS = 0.5
"""Loading that changes a smaller share of the weight tensors gets a note."""


def duplicate_notes(found: Duplicates, splits: Splits, accuracy: float) -> Iterator[str]:
    if found.test_images:
        without = found.accuracy_without
        yield (
            f"test images that are training or validation images too (equal pixels): "
            f"{found.test_images:,} of {len(splits.test_labels):,}; "
            + (
                "no others are left, so its test accuracy means nothing"
                if without is None
                else f"test accuracy {without:.4f} without them, {accuracy:.4f} with them"
            )
        )
    if found.validation_images:
        yield (
            f"validation images that are training images too (equal pixels): "
            f"{found.validation_images:,} of {len(splits.validation_labels):,}"
        )
    if found.two_labels:
        yield f"images that occur with more than one label (equal pixels): {found.two_labels:,}"


def process_notes() -> Iterator[str]:
    if not has_own_process():
        yield (
            "trained in a process that was not its own (another launcher): peak memory and trial "
            "time include everything else that the process did"
        )
    if unused := unused_device():
        yield unused


def loading_notes(spec: TrialSpec, built: BuiltModel) -> Iterator[str]:
    share, weights = built.loaded_share, spec.model.weights
    if share is None:
        return
    if share < MOST_WEIGHTS:
        yield (
            f"loading the weights {weights} changed {share:.0%} of the backbone's "
            f"weight tensors; the others kept their initial values"
        )
    if not built.loaded_sha256:
        yield (
            f"the file of the weights {weights} is not known, as the package of {spec.model.model} "
            "does not name it: no hash of it is recorded"
        )


def block_notes(spec: TrialSpec, built: BuiltModel) -> Iterator[str]:
    if built.frozen_blocks and 0 < spec.model.unfreeze < 1:
        frozen, count = built.frozen_blocks
        yield (
            f"unfreeze counts its {count} blocks instead of layers: {frozen} are frozen, with what "
            "lies before them"
        )


def flops_notes(backbone: Any) -> Iterator[str]:
    if left_out := uncounted(backbone):
        yield f"FLOPs leave out the layers of type {', '.join(left_out)}, which are not known"


def fit_notes(fit: FitResult, batch_size: int, micro_batch: int | None) -> Iterator[str]:
    yield from fit.notes
    if (saved := fit.seconds_uncached - fit.seconds) > 0:
        yield (
            f"some or all outputs of the frozen layers were read from the cache; its time includes "
            f"the {saved:.1f} s that an earlier trial took to compute them"
        )
    if micro_batch is not None:
        yield (
            f"batches of {batch_size} did not fit in memory and were split in micro-batches of "
            f"{micro_batch}: updates are those of whole batches, except that BatchNormalization "
            f"saw {micro_batch} images at a time"
        )
    if fit.resumed_after:
        yield f"resumed after epoch {', '.join(map(str, fit.resumed_after))}"
    if len(fit.ran_on) > 1:
        yield (
            f"its attempts ran on {'; then on '.join(fit.ran_on)}: its figures may differ in the "
            f"last digits from those of an uninterrupted training"
        )

"""Runs frozen layers once per image, caches their outputs, and trains the rest on them.

Without augmentation, or with a fixed number of augmented views, the frozen layers' outputs for an
image are the same in every epoch. They are computed once, cached, and reused by every later trial
with the same frozen part, such as in a sweep over learning rates, batch sizes or optimizers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cifarkit.datasets import memmap_cache
from cifarkit.datasets.memmap_cache import Rows
from cifarkit.execution.events import MIN_INTERVAL_SECONDS, Emit, PhaseChanged
from cifarkit.profiling.flops import flops_per_image, uncounted
from cifarkit.specs import TrainSpec
from cifarkit.training.feature_cache_key import Part, entry_name, prefix_identity
from cifarkit.training.graph_split import cut
from cifarkit.training.step import run_graphs_as_traced, uses_xla

Inputs = Part | Rows | tuple[Rows, ...]

MIN_FLOPS_PER_BYTE = 1_000
"""The FLOPs that a cached byte must save to be worth reading in every epoch: at 1e9 bytes/s from a
disk or to a GPU, this is 1e12 FLOP/s, between a CPU's rate and a GPU's."""


@dataclass(frozen=True)
class Source:
    """The model to train and its inputs.

    Attributes:
        model: The whole model, or its suffix.
        dtypes: The dtypes of its inputs.
        stored: The images that the prefix was run on, with its outputs.
        seconds: The time for running the prefix, or for reading its outputs back.
        made_seconds: The part spent computing them, or waiting for another trial to do so.
        entries: Seconds that computing each cache entry took, in this trial or an earlier one.
        note: A remark for readers of the result; may be empty.
    """

    model: Any
    dtypes: tuple[str, ...] = ("uint8",)
    stored: tuple[tuple[Part, tuple[Rows, ...]], ...] = ()
    seconds: float = 0.0
    made_seconds: float = 0.0
    entries: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def has(self, images: Part) -> bool:
        """Whether `of` has the model's input for these images."""
        return not self.stored or any(known is images for known, _ in self.stored)

    def of(self, images: Part) -> Inputs:
        """The model's input for some images; if the prefix is used, they must be among `stored`."""
        if not self.stored:
            return images
        for known, inputs in self.stored:
            if known is images:
                return inputs if len(inputs) > 1 else inputs[0]
        raise LookupError("the frozen layers were not run on these images")


def prepare(
    model: Any,
    parts: Sequence[Part],
    train: TrainSpec,
    *,
    epochs: int,
    emit: Emit,
) -> Source:
    """The suffix of a model and its precomputed inputs, if that is exact and worthwhile.

    It is if an image is seen more than once unchanged (no augmentation, or fewer views than
    epochs), if the frozen layers are costly enough (`MIN_FLOPS_PER_BYTE`), and if the cache has
    room for their outputs. Otherwise the unchanged model.

    Args:
        model: Its layers are already frozen as wanted.
        parts: Every array of images, (n, h, w, 3), that the source will be asked for.
        emit: Called with the progress.
    """
    views = train.views
    if views is None or epochs <= views or not any(map(len, parts)):
        return Source(model)
    halves = cut(model)
    if halves is None:
        return Source(model)
    bytes_per_image = sum(
        np.dtype(_stored(x.dtype)).itemsize * int(np.prod(x.shape[1:]))
        for x in halves.prefix.outputs
    )
    cheap = flops_per_image(halves.prefix) < MIN_FLOPS_PER_BYTE * bytes_per_image
    if cheap and not uncounted(halves.prefix):
        return Source(model)

    began = time.perf_counter()
    try:
        identity = prefix_identity(halves.prefix)
    except NotImplementedError:  # from Keras, for a third-party layer
        note = "the frozen layers ran in every epoch: one of them has no configuration"
        return Source(model, note=note)
    size = _in_words(bytes_per_image * sum(map(len, parts)))
    emit(PhaseChanged("frozen layers"))
    try:
        ran = _outputs(halves.prefix, identity, parts, train.batch_size, bytes_per_image, emit)
    except OSError as error:
        note = f"the frozen layers ran in every epoch: their outputs could not be cached: {error}"
        return Source(model, note=note)
    if ran is None:
        return Source(
            model,
            note=f"the frozen layers ran in every epoch: their outputs, {size}, are larger than "
            "the cache has room for",
        )
    stored, made_seconds, entries = ran
    return Source(
        halves.suffix,
        tuple(_stored(tensor.dtype) for tensor in halves.suffix.inputs),
        tuple(zip(parts, stored, strict=True)),
        time.perf_counter() - began,
        made_seconds,
        entries,
        f"the frozen layers ran once per {'view' if train.augmentation else 'image'}, not once per "
        f"epoch; their cached outputs take {size}",
    )


def _outputs(
    prefix: Any,
    identity: bytes,
    parts: Sequence[Part],
    batch_size: int,
    bytes_per_image: int,
    emit: Emit,
) -> tuple[list[tuple[Rows, ...]], float, dict[str, float]] | None:
    """The prefix's outputs for each part, `made_seconds` and `entries` of `Source`.

    None if there is no room for the outputs.
    """
    entries = [entry_name(identity, images) for images in parts]
    found = {entry: _known(entry) for entry in entries}
    absent = {e: images for e, images in zip(entries, parts, strict=True) if found[e] is None}
    needed = bytes_per_image * sum(map(len, absent.values()))
    if absent and not memmap_cache.make_room(needed, keep=entries):
        return None
    run = _compiled(prefix)
    progress = _Progress(sum(map(len, absent.values())), emit)
    made_seconds = 0.0
    for entry, images in absent.items():
        began = time.perf_counter()
        with memmap_cache.lock(entry):
            found[entry] = _known(entry)  # another trial may just have made it
            if found[entry] is None:
                memmap_cache.write(entry, len(images), _batches(run, images, batch_size, progress))
                found[entry] = _known(entry)
        made_seconds += time.perf_counter() - began
    present = {entry: known for entry, known in found.items() if known is not None}
    if len(present) < len(found):
        raise OSError("the cache entry cannot be read")
    seconds = {entry: seconds for entry, (_, seconds) in present.items()}
    return [present[entry][0] for entry in entries], made_seconds, seconds


def _known(entry: str) -> tuple[tuple[Rows, ...], float] | None:
    """The arrays of an entry and their computing time; None if either is missing."""
    arrays, seconds = memmap_cache.read(entry), memmap_cache.seconds(entry)
    return None if arrays is None or seconds is None else (arrays, seconds)


class _Progress:
    """Reports the prefix's progress about twice a second."""

    def __init__(self, images: int, emit: Emit) -> None:
        self._images, self._emit, self._seen = images, emit, 0
        self._reported_at = time.perf_counter()

    def add(self, images: int) -> None:
        self._seen += images
        if time.perf_counter() - self._reported_at >= MIN_INTERVAL_SECONDS:
            self._reported_at = time.perf_counter()
            share = self._seen / self._images
            self._emit(PhaseChanged(f"frozen layers {share:.0%}"))


def _compiled(prefix: Any) -> Any:
    """A function from (n, h, w, 3) float32 images to the list of tensors that are stored."""
    import tensorflow as tf

    run_graphs_as_traced()
    shape = (None, *prefix.inputs[0].shape[1:])

    @tf.function(
        jit_compile=uses_xla(), autograph=False, input_signature=[tf.TensorSpec(shape, tf.float32)]
    )
    def run(images: Any) -> list[Any]:
        outputs = prefix(images, training=False)
        return [tf.cast(x, _stored(x.dtype.name)) for x in tf.nest.flatten(outputs)]

    return run


def _batches(
    run: Any, images: Part, batch_size: int, progress: _Progress
) -> Iterator[list[np.ndarray]]:
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        yield [output.numpy() for output in run(batch.astype(np.float32))]
        progress.add(len(batch))


def _stored(dtype: str) -> str:
    """A lossless storage dtype for a tensor: NumPy has no bfloat16."""
    return "float32" if dtype == "bfloat16" else dtype


def _in_words(size: int) -> str:
    return f"{size / 2**20:,.0f} MB" if size >= 2**20 else f"{size / 2**10:,.0f} kB"

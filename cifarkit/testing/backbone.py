"""The contract of a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cifarkit.errors import CifarkitError
from cifarkit.models.info import Backbone
from cifarkit.models.registry import check_facts
from cifarkit.profiling.flops import uncounted
from cifarkit.testing.expect import expect
from cifarkit.training.graph_split import cut
from cifarkit.training.keras_compat import all_layers
from cifarkit.training.model_builder import assemble, freeze

OUTPUTS = 3


def check_backbone(backbone: Backbone, *, weight_sets: Sequence[str] = ()) -> None:
    """Build a network at its smallest and its native size, and compare it with its facts.

    Args:
        backbone: What the entry point gives.
        weight_sets: Names of published weights to load as well; this may download them.

    Raises:
        AssertionError: It breaks the contract of `models.info.Backbone`.
    """
    import keras

    try:
        check_facts(backbone)
    except ValueError as error:
        raise AssertionError(str(error)) from None
    expect(backbone.min_size <= backbone.native_size, "min_size is larger than native_size")
    if backbone.includes_head:
        expect(not backbone.weight_sets, "includes_head: trained from scratch, so no weight_sets")
    for size in sorted({backbone.min_size, backbone.native_size}):
        model = _build(backbone, size)
        shape = tuple(model.output_shape)
        if backbone.includes_head:
            expect(shape == (None, OUTPUTS), f"outputs are {shape}, not (None, {OUTPUTS})")
        else:
            expect(
                2 <= len(shape) <= 4 and shape[-1] == backbone.features,
                f"features are {shape} at {size} pixels, not (None, h, w, {backbone.features}), "
                f"(None, tokens, {backbone.features}) or (None, {backbone.features})",
            )
        if backbone.count is not None:
            parameters, _ = backbone.count(size, OUTPUTS)
            built = model.count_params()
            expect(parameters == built, f"count() gives {parameters} parameters, it has {built}")
        try:
            whole, head = assemble(
                backbone, model, (size, size), image_size=size, outputs=OUTPUTS, dropout=0.5
            )
        except CifarkitError as error:
            raise AssertionError(str(error)) from None
        images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.float32)
        logits = keras.ops.convert_to_numpy(whole(images, training=False))
        expect(np.isfinite(logits).all(), f"logits are not finite at {size} pixels")
    _check_batchnorm("uses_batchnorm", backbone.uses_batchnorm, all_layers(model))
    if callable(backbone.head):
        _check_batchnorm("head_uses_batchnorm", backbone.head_uses_batchnorm, all_layers(head[0]))
    if left_out := uncounted(model):
        raise AssertionError(
            f"FLOPs of {', '.join(left_out)} are not known: set flops_per_image on these layers"
        )
    if not backbone.includes_head:
        _check_frozen(whole, model, images)
    for name in weight_sets:
        expect(name in backbone.published_weights, f"{name!r} is not in weight_sets")
        keras.utils.set_random_seed(0)
        random = _build(backbone, backbone.native_size).get_weights()
        loaded = [_build(backbone, backbone.native_size, name).get_weights() for _ in range(2)]
        same = all(np.array_equal(one, other) for one, other in zip(*loaded, strict=True))
        expect(same, f"weights {name!r}: two builds differ")
        changed = any(not np.array_equal(a, b) for a, b in zip(random, loaded[0], strict=True))
        expect(changed, f"weights {name!r}: nothing is loaded")


def _build(backbone: Backbone, size: int, weights: str | None = None) -> Any:
    return backbone.build(image_size=size, weights=weights, outputs=OUTPUTS, dropout=0.5)


def _check_batchnorm(fact: str, given: bool, layers: Sequence[Any]) -> None:
    import keras

    found = any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    expect(given == found, f"{fact}: the model's is {found}")


def _check_frozen(model: Any, backbone: Any, images: np.ndarray) -> None:
    """A frozen backbone is a function of its input, and its outputs can be cached."""
    import keras

    expected = keras.ops.convert_to_numpy(model(images, training=False))
    freeze(backbone, unfreeze=0.0)
    one, other = (
        keras.ops.convert_to_numpy(backbone(images, training=training))
        for training in (True, False)
    )
    expect(np.array_equal(one, other), "a frozen network is still random in training")
    halves = cut(model)
    if halves is not None:
        cached = halves.suffix(halves.prefix(images, training=False), training=False)
        error = np.abs(keras.ops.convert_to_numpy(cached) - expected).max()
        expect(error <= 1e-4 * max(1.0, np.abs(expected).max()),
               f"logits from cached features differ by {error:.2g}")  # fmt: skip

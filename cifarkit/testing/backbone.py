"""The contract of a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cifarkit.models.info import Backbone
from cifarkit.models.preprocessing import preprocessing_layers
from cifarkit.models.registry import check_facts
from cifarkit.testing.expect import expect
from cifarkit.training.keras_compat import all_layers

OUTPUTS = 3


def check_backbone(backbone: Backbone, *, weight_sets: Sequence[str] = ()) -> None:
    """Build a backbone at its smallest and its native size, and hold it against its facts.

    Args:
        backbone: What the entry point gives.
        weight_sets: Published weights to load as well; they may have to be downloaded.

    Raises:
        AssertionError: It does not keep the contract of `models.info.Backbone`.
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
            wanted = f"(None, h, w, {backbone.features})"
            expect(
                len(shape) == 4 and shape[-1] == backbone.features,
                f"features are {shape} at {size} pixels, not {wanted}",
            )
        x = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.float32)
        for layer in preprocessing_layers(backbone.preprocessing):
            x = layer(x)
        outputs = keras.ops.convert_to_numpy(model(x, training=False))
        expect(np.isfinite(outputs).all(), f"outputs are not finite at {size} pixels")
        if backbone.count is not None:
            parameters, _ = backbone.count(size, OUTPUTS)
            built = model.count_params()
            expect(parameters == built, f"count() gives {parameters} parameters, it has {built}")
    normalizes = any(
        isinstance(layer, keras.layers.BatchNormalization) for layer in all_layers(model)
    )
    expect(backbone.uses_batchnorm == normalizes, f"uses_batchnorm: the model's is {normalizes}")
    for name in weight_sets:
        expect(name in backbone.weight_sets, f"{name!r} is not in weight_sets")
        keras.utils.set_random_seed(0)
        random = _build(backbone, backbone.native_size).get_weights()
        loaded = [_build(backbone, backbone.native_size, name).get_weights() for _ in range(2)]
        same = all(np.array_equal(one, other) for one, other in zip(*loaded, strict=True))
        expect(same, f"weights {name!r}: two builds differ")
        changed = any(not np.array_equal(a, b) for a, b in zip(random, loaded[0], strict=True))
        expect(changed, f"weights {name!r}: nothing is loaded")


def _build(backbone: Backbone, size: int, weights: str | None = None) -> Any:
    return backbone.build(image_size=size, weights=weights, outputs=OUTPUTS, dropout=0.5)

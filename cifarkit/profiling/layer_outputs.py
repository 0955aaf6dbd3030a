"""Output sizes of layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def output_elements(layer: keras.layers.Layer) -> int:
    """Elements of the layer's output for one image.

    For a layer that is called several times, that of its first call; for a model, its own output.

    Args:
        layer: A layer of a functional model, or such a model.

    Raises:
        ValueError: A side of the output is not fixed, since the model was built without a size.
    """
    shape = layer.output.shape[1:]
    if None in shape:
        raise ValueError(
            f"layer {layer.name!r} puts out {shape}: build the model for a fixed image size"
        )
    return math.prod(shape)

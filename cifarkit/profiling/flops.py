"""Floating-point operations of a model's forward pass.

The convolutions and matrix products only: two floating-point operations (FLOPs) for each
multiply-add (MAC), which is how TensorFlow's profiler counts them. Biases, normalization,
activations and pooling, some percent of the whole, are left out, as in the published figures of
the architectures.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cifarkit.profiling.layer_outputs import output_elements
from cifarkit.profiling.traced_flops import traced_flops

if TYPE_CHECKING:
    import keras


def flops_per_image(model: keras.Model) -> int:
    """FLOPs of a forward pass for one image, from the shapes of kernels and outputs.

    Nothing is run. Conv2D, DepthwiseConv2D, SeparableConv2D, Dense and
    MultiHeadAttention are counted, in nested models too; a layer that is called several times
    counts once. A layer of another type counts as its attribute `flops_per_image`, or as nothing
    (see `uncounted`). A model that has such a layer is traced instead (`profiling.traced_flops`),
    where that gives a number.

    Args:
        model: A functional or sequential model with a fixed image size.

    Raises:
        ValueError: The model was built without a fixed image size.
    """
    if _unknown(model) and (traced := traced_flops(model)) is not None:
        return traced
    return _by_layer(model)


def _by_layer(model: keras.Model) -> int:
    from keras import Model

    return sum(
        _by_layer(layer) if isinstance(layer, Model) else _layer_flops(layer) or 0
        for layer in model.layers
    )


def uncounted(model: keras.Model) -> list[str]:
    """The types of layers that may multiply matrices and are not counted."""
    unknown = _unknown(model)
    return unknown if unknown and traced_flops(model) is None else []


def _unknown(model: keras.Model) -> list[str]:
    """The types of layers that have a matrix, but no number of FLOPs by their shapes."""
    from keras import Model, layers

    found: set[str] = set()
    for layer in model.layers:
        if isinstance(layer, Model):
            found.update(_unknown(layer))
        elif isinstance(layer, layers.Embedding) or _layer_flops(layer) is not None:
            continue
        elif any(sum(side > 1 for side in weight.shape) > 1 for weight in layer.weights):
            found.add(type(layer).__name__)
    return sorted(found)


def _layer_flops(layer: keras.layers.Layer) -> int | None:
    """None for a type that is not counted."""
    own = getattr(layer, "flops_per_image", None)
    if own is not None:
        return int(own)
    multiply_adds = _multiply_adds(layer)
    return None if multiply_adds is None else 2 * multiply_adds


def _multiply_adds(layer: keras.layers.Layer) -> int | None:
    from keras import layers

    if isinstance(layer, (layers.Conv2D, layers.Dense)):
        # Kernel (..., inputs of a group, outputs): an output sums over all but the last axis.
        return output_elements(layer) * _product(layer.kernel.shape[:-1])
    if isinstance(layer, layers.DepthwiseConv2D):
        # Kernel (height, width, channels, multiplier): an output sums over the window.
        return output_elements(layer) * _product(layer.kernel.shape[:2])
    if isinstance(layer, layers.SeparableConv2D):
        # Both kernels are used once, whole, at each position of the output.
        positions = output_elements(layer) // int(layer.filters)
        kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
        return positions * sum(_product(kernel.shape) for kernel in kernels)
    if isinstance(layer, layers.MultiHeadAttention):
        # Four projections; then each query meets each key, and sums over the values.
        shapes: list[tuple[int, ...]] = [
            tuple(weight.shape) for weight in layer.weights if len(weight.shape) == 3
        ]
        query, key, value, output = map(_product, shapes)
        queries, keys = (_product(x.shape[1:-1]) for x in (layer.output, layer.input[1]))
        _, heads, key_width = shapes[0]
        pairs = queries * keys * heads * (key_width + shapes[2][-1])
        return queries * (query + output) + keys * (key + value) + pairs
    return None


def _product(sides: tuple[int, ...]) -> int:
    return math.prod(sides)

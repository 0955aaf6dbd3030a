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

if TYPE_CHECKING:
    import keras


def flops_per_image(model: keras.Model) -> int:
    """FLOPs of a forward pass for one image, from the shapes of kernels and outputs.

    Nothing is traced or run. Conv2D, DepthwiseConv2D, SeparableConv2D and Dense are counted, in
    nested models too; a layer that is called several times counts once. Layers of other kinds
    count as nothing.

    Args:
        model: A functional or sequential model with a fixed image size.

    Raises:
        ValueError: The model was built without a fixed image size.
    """
    from keras import Model

    return sum(
        flops_per_image(layer) if isinstance(layer, Model) else 2 * _multiply_adds(layer)
        for layer in model.layers
    )


def _multiply_adds(layer: keras.layers.Layer) -> int:
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
    return 0


def _product(sides: tuple[int, ...]) -> int:
    return math.prod(sides)

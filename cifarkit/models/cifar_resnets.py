"""Residual networks for CIFAR's 32 px images, small enough for a laptop.

They have no published weights; `--weights trial:ID` starts from those of an earlier trial.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cifarkit.models.info import Backbone

if TYPE_CHECKING:
    import keras

_WIDTHS = (16, 32, 64)


def _resnet(
    *,
    blocks: int,
    name: str,
    image_size: int,
    weights: str | None,
    outputs: int,
    dropout: float,
) -> keras.Model:
    """`6 * blocks + 2` layers: three stages of 16, 32 and 64 channels, with identity shortcuts.

    Args:
        blocks: Residual blocks in each stage.
        image_size: Side of the square image in pixels, at least 8.
        weights: Ignored: there are no published weights.
        outputs, dropout: Ignored: the head is the caller's.
    """
    import keras
    from keras import layers

    images = keras.Input((image_size, image_size, 3))
    x = _convolution(images, 16, 1, "stem")
    x = layers.ReLU(name="stem_relu")(x)
    for stage, width in enumerate(_WIDTHS):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = _block(x, width, stride, f"stage{stage + 1}_block{block + 1}")
    return keras.Model(images, x, name=name)


def _block(x: Any, width: int, stride: int, name: str) -> Any:
    from keras import layers

    shortcut = x
    if stride > 1:
        # The paper's option A (no weights, zero-padded channels), but with average pooling in
        # place of subsampling.
        shortcut = layers.AveragePooling2D(stride, padding="same", name=f"{name}_pool")(x)
        missing = width - x.shape[-1]
        shortcut = layers.Permute((1, 3, 2), name=f"{name}_out")(shortcut)
        shortcut = layers.ZeroPadding2D(((0, 0), (0, missing)), name=f"{name}_pad")(shortcut)
        shortcut = layers.Permute((1, 3, 2), name=f"{name}_in")(shortcut)
    x = _convolution(x, width, stride, f"{name}_a")
    x = layers.ReLU(name=f"{name}_a_relu")(x)
    x = _convolution(x, width, 1, f"{name}_b")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)


def _convolution(x: Any, width: int, stride: int, name: str) -> Any:
    from keras import layers

    x = layers.Conv2D(
        width,
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    # Keras' default of 0.99 needs hundreds of steps before inference works.
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)


def _facts(blocks: int) -> Backbone:
    depth = 6 * blocks + 2
    return Backbone(
        key=f"resnet{depth}",
        name=f"ResNet-{depth}",
        family="ResNet (CIFAR)",
        paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2016 (4.2)",
        build=partial(_resnet, blocks=blocks, name=f"resnet{depth}"),
        preprocessing="tf",
        min_size=8,
        native_size=32,
        features=_WIDTHS[-1],
        weight_sets=(),
    )


CIFAR_RESNETS: tuple[Backbone, ...] = (_facts(1), _facts(2), _facts(3))
"""ResNet-20, the paper's smallest, and two smaller ones of the same design."""

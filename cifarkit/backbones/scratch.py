"""The published study's networks that are trained from scratch: small, plain, with their own head.

Every `build` returns a functional `keras.Model` of float32 images `(n, s, s, 3)` in 0..1 to
float32 logits `(n, outputs)`. The logits stay float32 under mixed precision, where the loss
would lose digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cifarkit.backbones.facts import Backbone

if TYPE_CHECKING:
    import keras

_NATIVE_SIZE = 32
_STUDY = "the published study (its own network, no paper)"


def _simple_cnn(
    *, image_size: int, weights: str | None, outputs: int, dropout: float
) -> keras.Model:
    """Three convolutions and one hidden layer, 128,420 parameters for 100 outputs at 32 px.

    Args:
        image_size: Side of the square image in pixels, at least 18.
        weights: Ignored: there are no published weights.
        outputs: Number of logits.
        dropout: Ignored: the published network has none.

    Raises:
        ValueError: The image is too small for the unpadded convolutions (from Keras).
    """
    from keras import layers

    return _sequence(
        "simple_cnn",
        image_size,
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        _logits(outputs),
    )


def _custom_cnn(
    *, image_size: int, weights: str | None, outputs: int, dropout: float
) -> keras.Model:
    """Four padded convolutions and one hidden layer, 2,331,796 parameters for 100 outputs at 32 px.

    The published network is known by two numbers only: 2,333,468 parameters, and 33.792 MB by the
    study's estimate. This one meets the second exactly and is 0.07% below the first.

    Args:
        image_size: Side of the square image in pixels, at least 8.
        weights: Ignored: there are no published weights.
        outputs: Number of logits.
        dropout: Fraction of the hidden layer dropped in training, in [0, 1).

    Raises:
        ValueError: The image is too small to be pooled three times (from Keras).
    """
    from keras import layers

    return _sequence(
        "custom_cnn",
        image_size,
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(48, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(256, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(512, activation="relu"),
        layers.Dropout(dropout),
        _logits(outputs),
    )


def _lenet(*, image_size: int, weights: str | None, outputs: int, dropout: float) -> keras.Model:
    """A wide LeNet with ReLU and max pooling, 723,180 parameters for 100 outputs at 32 px.

    Args:
        image_size: Side of the square image in pixels, at least 10.
        weights: Ignored: there are no published weights.
        outputs: Number of logits.
        dropout: Ignored: the published network has none.

    Raises:
        ValueError: The image is too small for the unpadded convolutions (from Keras).
    """
    from keras import layers

    return _sequence(
        "lenet",
        image_size,
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(512, activation="relu"),
        layers.Dense(200, activation="relu"),
        _logits(outputs),
    )


def _logits(outputs: int) -> keras.layers.Dense:
    from keras import layers

    return layers.Dense(outputs, dtype="float32", name="logits")


def _sequence(name: str, image_size: int, *layers: keras.layers.Layer) -> keras.Model:
    """The layers one after the other as a functional model, of images `(n, s, s, 3)`."""
    import keras

    images = keras.Input((image_size, image_size, 3))
    x = images
    for layer in layers:
        x = layer(x)
    return keras.Model(images, x, name=name)


SCRATCH: tuple[Backbone, ...] = (
    Backbone(
        key="simple_cnn",
        name="Simple CNN",
        family="CNN",
        paper=_STUDY,
        build=_simple_cnn,
        preprocessing="unit",
        min_size=18,
        native_size=_NATIVE_SIZE,
        features=64,
        weight_sets=(),
        whole=True,
        uses_dropout=False,
        uses_batchnorm=False,
    ),
    Backbone(
        key="custom_cnn",
        name="Custom CNN",
        family="CNN",
        paper=_STUDY,
        build=_custom_cnn,
        preprocessing="unit",
        min_size=8,
        native_size=_NATIVE_SIZE,
        features=512,
        weight_sets=(),
        whole=True,
        uses_batchnorm=False,
        note=(
            "stands in for a network whose layers the published study does not describe "
            "(2,333,468 parameters there, 2,331,796 here, at 32 px with 100 outputs)"
        ),
    ),
    Backbone(
        key="lenet",
        name="LeNet",
        family="LeNet",
        paper=(
            "LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document "
            "Recognition, 1998 (widened by the published study)"
        ),
        build=_lenet,
        preprocessing="unit",
        min_size=10,
        native_size=_NATIVE_SIZE,
        features=200,
        weight_sets=(),
        whole=True,
        uses_dropout=False,
        uses_batchnorm=False,
    ),
)
"""The three networks from scratch, in the order of the study's Table 1."""

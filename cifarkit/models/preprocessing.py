"""Preprocessing of a backbone's images, as layers in front of it.

In the graph it runs on the device, works for training and for prediction alike, and is saved with
the model. Only Keras' layers and operations are used, so that a saved model loads without this
package. None of them has weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cifarkit.models.info import Preprocessing, Rescale

if TYPE_CHECKING:
    import keras

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's red, green and blue in 0..1, as in PyTorch's model zoo."""
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Standard deviation of ImageNet's red, green and blue in 0..1, from the same source."""
CAFFE_MEAN = (123.68, 116.779, 103.939)
"""Mean of ImageNet's red, green and blue in 0..255 (Simonyan & Zisserman 2015, section 2.1)."""


def preprocessing_layers(mode: Preprocessing | Rescale) -> list[keras.layers.Layer]:
    """New layers that preprocess RGB images in 0..255.

    They compute in float32 also under mixed precision: bfloat16 does not resolve differences of
    one. Up to rounding they equal `preprocess_input` of `keras.applications`.

    Args:
        mode: As in `Backbone.preprocessing`.

    Returns:
        Layers to be called in sequence on a tensor `(n, h, w, 3)` of any numeric dtype; the last
        one outputs float32 of the same shape. Empty for `none`.
    """
    from keras import layers

    if isinstance(mode, Rescale):
        scale, offset = list(mode.scale), list(mode.offset)
        return [layers.Rescaling(scale, offset=offset, dtype="float32")]
    match mode:
        case "none":
            return []
        case "unit":
            return [layers.Rescaling(1 / 255, dtype="float32")]
        case "tf":
            return [layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32")]
        case "torch":
            moments = list(zip(IMAGENET_MEAN, IMAGENET_DEVIATION, strict=True))
            scale = [1 / (255 * deviation) for _, deviation in moments]
            offset = [-mean / deviation for mean, deviation in moments]
            return [layers.Rescaling(scale, offset=offset, dtype="float32")]
        case "caffe":
            offset = [-mean for mean in CAFFE_MEAN]
            return [layers.Rescaling(1.0, offset=offset, dtype="float32"), _rgb_to_bgr()]


def _rgb_to_bgr() -> keras.Model:
    """Images of any size with their channels in reverse order.

    Keras has this operation but no layer for it; a model serves as one without a custom class.
    """
    import keras

    images = keras.Input((None, None, 3), dtype="float32")
    return keras.Model(images, keras.ops.flip(images, axis=-1), name="rgb_to_bgr")

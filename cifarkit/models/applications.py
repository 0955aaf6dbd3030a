"""Every classification backbone of `keras.applications`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from cifarkit.models.application_families import FAMILIES
from cifarkit.models.application_weights import imagenet
from cifarkit.models.info import Backbone

if TYPE_CHECKING:
    import keras

_NAMES = {"VGG16": "VGG-16", "VGG19": "VGG-19"}
"""Names in tables that differ from the class name."""


def _build(
    class_name: str, *, image_size: int, weights: str | None, outputs: int, dropout: float
) -> keras.Model:
    """The backbone without its classifier, named by its key.

    Args:
        class_name: Its function in `keras.applications`.
        image_size: Side of the square image in pixels.
        weights: One of the network's `weight_sets`, or None for random initialization.
        outputs: Ignored: the caller adds the head.
        dropout: Ignored, likewise.

    Returns:
        A functional model of float images `(n, s, s, 3)`, preprocessed as the backbone expects
        them (0..255 for `none`), to float feature maps `(n, h, w, features)`.

    Raises:
        ValueError: The image is smaller than `min_size` (from Keras).
    """
    import keras

    with warnings.catch_warnings():
        # MobileNets warn when they load weights of another size; the others do not. The size is
        # known from `WeightSet.trained_size`.
        warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
        model = getattr(keras.applications, class_name)(
            include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
        )
    # Keras chooses EfficientNetV2's preprocessing, and the weights file of several networks, by the
    # model's name. So the model is built under its original name and renamed here.
    return keras.Model(model.input, model.output, name=class_name.lower())


def _backbones() -> Iterator[Backbone]:
    for family in FAMILIES:
        for member in family.members:
            key = member.class_name.lower()
            yield Backbone(
                key=key,
                name=_NAMES.get(member.class_name, member.class_name),
                family=family.name,
                paper=family.paper,
                build=partial(_build, member.class_name),
                preprocessing=family.preprocessing,
                min_size=family.min_size,
                native_size=member.native_size,
                features=member.features,
                weight_sets=(imagenet(family, member),),
                uses_batchnorm=family.uses_batchnorm,
                head="xception" if key == "xception" else "standard",
                note=member.note,
            )


APPLICATIONS: tuple[Backbone, ...] = tuple(_backbones())
"""Every backbone of `keras.applications`, family by family."""

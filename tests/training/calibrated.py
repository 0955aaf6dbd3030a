"""Networks with random weights whose features depend on their images."""

from typing import Any

import keras
import numpy as np

from cifarkit.training.model_builder import BuiltModel, freeze


def calibrate(built: BuiltModel, images: np.ndarray, *, unfreeze: float) -> None:
    """Give each BatchNormalization the statistics of some images, then freeze.

    Fresh statistics let the signal of a deep network with random weights die out: all features
    would be the same, whatever the image.

    Args:
        built: With nothing frozen yet.
        images: What its statistics are taken from.
        unfreeze: As in `ModelSpec`.
    """
    norms: list[Any] = [
        layer
        for layer in built.model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    built.model(images.astype("float32"), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    freeze(built.backbone, unfreeze=unfreeze)

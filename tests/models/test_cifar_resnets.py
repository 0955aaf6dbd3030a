"""The residual networks for 32 pixels, against section 4.2 of the paper that describes them."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from cifarkit.models.registry import get
from cifarkit.profiling.parameters import count


def build(key: str, image_size: int = 32) -> keras.Model:
    model = get(key).build(image_size=image_size, weights=None, outputs=10, dropout=0.0)
    assert isinstance(model, keras.Model)
    return model


@pytest.mark.parametrize(("key", "depth"), [("resnet8", 8), ("resnet20", 20)])
def test_depth_counts_the_convolutions_and_the_classifier(key: str, depth: int) -> None:
    kinds = [type(layer) for layer in build(key).layers]
    assert kinds.count(layers.Conv2D) + 1 == depth


def test_total_of_resnet20() -> None:
    """The paper's table 6 says 0.27 million."""
    convolutions = 9 * (3 * 16 + 6 * 16 * 16 + (16 + 5 * 32) * 32 + (32 + 5 * 64) * 64)
    normalized_channels = 7 * 16 + 6 * 32 + 6 * 64
    assert count(build("resnet20")).total == convolutions + 4 * normalized_channels == 270_448


@pytest.mark.parametrize(("image_size", "side"), [(8, 2), (32, 8), (33, 9), (96, 24)])
def test_two_halvings(image_size: int, side: int) -> None:
    assert build("resnet8", image_size).output_shape == (None, side, side, 64)

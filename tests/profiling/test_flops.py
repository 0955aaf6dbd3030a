"""FLOPs by hand, as the papers give them, and as TensorFlow's profiler counts them."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers

from cifarkit.models.registry import get
from cifarkit.profiling.flops import flops_per_image

COUNTED_OPERATIONS = {"Conv2D", "DepthwiseConv2dNative", "MatMul"}


def of(layer: layers.Layer, *shape: int) -> int:
    return flops_per_image(keras.Sequential([keras.Input(shape), layer]))


def profiled(model: keras.Model) -> int:
    """FLOPs of the convolutions and matrix products, by TensorFlow's profiler."""
    image = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(image).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    node = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    total = 0
    while node.children:  # a chain of one node for each kind of operation
        (node,) = node.children
        total += node.float_ops if node.name in COUNTED_OPERATIONS else 0
    return total


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (layers.Dense(7), (5,), 5 * 7),
        (layers.Dense(7), (4, 4, 5), 4 * 4 * 5 * 7),
        (layers.Conv2D(7, 3), (8, 8, 5), 6 * 6 * 3 * 3 * 5 * 7),
        (layers.Conv2D(7, (1, 3), 2, padding="same"), (8, 8, 5), 4 * 4 * 3 * 5 * 7),
        (layers.Conv2D(8, 3, groups=2), (8, 8, 4), 6 * 6 * 3 * 3 * 2 * 8),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 5), 6 * 6 * 3 * 3 * 5 * 2),
        (layers.SeparableConv2D(7, 3), (8, 8, 5), 6 * 6 * (3 * 3 * 5 + 5 * 7)),
        (
            layers.SeparableConv2D(7, 3, 2, depth_multiplier=2),
            (9, 9, 5),
            4 * 4 * (3 * 3 * 10 + 10 * 7),
        ),
        (layers.BatchNormalization(), (8, 8, 5), 0),
        (layers.MaxPooling2D(), (8, 8, 5), 0),
    ],
)
def test_layer_by_hand(layer: layers.Layer, shape: tuple[int, ...], multiply_adds: int) -> None:
    assert of(layer, *shape) == 2 * multiply_adds


def test_nested_models_are_walked() -> None:
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)])
    middle_input = keras.Input((8, 8, 3))
    middle = keras.Model(middle_input, layers.GlobalAveragePooling2D()(inner(middle_input)))
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, layers.Dense(10)(middle(images)))
    assert flops_per_image(model) == 2 * (6 * 6 * 3 * 3 * 3 * 4 + 4 * 10)


def test_a_fixed_size_is_needed() -> None:
    with pytest.raises(ValueError, match="fixed image size"):
        flops_per_image(keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3)]))


@pytest.mark.parametrize(
    ("class_name", "giga_multiply_adds"),
    [
        ("ResNet50", 3.86),  # He et al. 2016, table 1: 3.8
        ("MobileNet", 0.569),  # Howard et al. 2017, table 4
        ("MobileNetV2", 0.300),  # Sandler et al. 2018, table 4
    ],
)
def test_whole_networks_at_224(class_name: str, giga_multiply_adds: float) -> None:
    model = getattr(keras.applications, class_name)(weights=None)
    assert flops_per_image(model) / 2e9 == pytest.approx(giga_multiply_adds, rel=0.005)


@pytest.mark.parametrize(
    ("key", "image_size"),
    [("lenet", 32), ("mobilenetv2", 96), ("resnet50", 64), ("densenet121", 32), ("xception", 71)],
)
def test_equals_the_profiler(key: str, image_size: int) -> None:
    model = get(key).build(image_size=image_size, weights=None, outputs=10, dropout=0.0)
    assert flops_per_image(model) == profiled(model)

"""Every fact of the registry, held against the network that Keras builds.

Each network is built once, at its smallest size and with `imagenet` weights whose file is asked
for but not read, so nothing is downloaded; the larger of each family are `exhaustive`. All checks
run on all networks, with one exception: the three largest ConvNeXt's gradients are traced and not
run (see `TRACED_ONLY`).
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.utils import file_utils

from benchmarks.layer_facts import of_model
from cifarkit.models import layer_facts
from cifarkit.models.applications import APPLICATIONS
from cifarkit.models.info import Backbone
from cifarkit.models.preprocessing import preprocessing_layers
from cifarkit.models.registry import get, registry
from cifarkit.models.small_cnns import SCRATCH
from cifarkit.profiling.flops import uncounted

OUTPUTS = 5
SMALLEST = {
    "simple_cnn", "custom_cnn", "lenet", "resnet8", "resnet14", "resnet20", "vgg16", "xception",
    "efficientnetb0", "efficientnet_lite0", "efficientnetv2b0", "resnet50", "resnet50v2",
    "densenet121", "mobilenet", "mobilenetv2", "mobilenetv3small", "inceptionv3",
    "inceptionresnetv2", "nasnetmobile", "convnexttiny",
}  # fmt: skip
"""At least one network of each family; the others are the same code with more or wider layers."""
# On a CPU, Keras compiles each of ConvNeXt's grouped convolutions by itself with XLA: running the
# backward pass takes 25 to 90 s in these. Their layers are those of the smaller two, only wider.
TRACED_ONLY = {"convnextbase", "convnextlarge", "convnextxlarge"}


class Built(NamedTuple):
    backbone: Backbone
    model: keras.Model
    files: list[tuple[str, str, str]]


def asked_files(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Stop Keras from fetching weights; the list fills with what it asks for.

    Each is a file's name in the cache, the address that it comes from, and its hash, if Keras has
    one.
    """
    files: list[tuple[str, str, str]] = []

    def get_file(name: str, origin: str, *args: Any, **options: Any) -> str:
        assert options["cache_subdir"] == "models"
        files.append((name, origin, options.get("file_hash") or ""))
        return name

    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *args, **options: None)
    return files


def build(backbone: Backbone, image_size: int, weights: str | None = None) -> keras.Model:
    model = backbone.build(image_size=image_size, weights=weights, outputs=OUTPUTS, dropout=0.1)
    assert isinstance(model, keras.Model)
    return model


def random_images(backbone: Backbone) -> Any:
    side = backbone.min_size
    images: Any = np.random.default_rng(0).integers(0, 256, (2, side, side, 3)).astype("float32")
    for layer in preprocessing_layers(backbone.preprocessing):
        images = layer(images)
    return tf.convert_to_tensor(images)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(backbone, id=key, marks=[] if key in SMALLEST else [pytest.mark.exhaustive])
        for key, backbone in registry().items()
    ],
)
def built(request: pytest.FixtureRequest) -> Iterator[Built]:
    backbone: Backbone = request.param
    keras.utils.set_random_seed(0)
    with pytest.MonkeyPatch.context() as monkeypatch:
        files = asked_files(monkeypatch)
        weights = "imagenet" if "imagenet" in backbone.published_weights else None
        model = build(backbone, backbone.min_size, weights)
    yield Built(backbone, model, files)
    del model
    keras.backend.clear_session()
    gc.collect()


def test_each_family_has_a_network_that_is_always_tested() -> None:
    families = {backbone.family for backbone in registry().values()}
    assert {get(key).family for key in SMALLEST} == families


def test_it_bears_its_key_as_name(built: Built) -> None:
    assert built.model.name == built.backbone.key


def test_it_takes_its_smallest_size(built: Built) -> None:
    side = built.backbone.min_size
    assert built.model.input_shape == (None, side, side, 3)


def test_its_output_is_as_wide_as_said_and_not_empty(built: Built) -> None:
    _, *sides, width = built.model.output_shape
    if built.backbone.includes_head:
        assert (sides, width) == ([], OUTPUTS)
    else:
        assert len(sides) == 2
        assert min(sides) >= 1
        assert width == built.backbone.features


def test_every_layer_with_a_matrix_is_counted_in_flops(built: Built) -> None:
    assert uncounted(built.model) == []


def test_its_layers_are_those_of_the_table(built: Built) -> None:
    if built.backbone.includes_head:
        assert built.backbone.count is not None
        params, _ = built.backbone.count(built.backbone.min_size, OUTPUTS)
        assert params == built.model.count_params()
        return
    weights = "imagenet" if "imagenet" in built.backbone.published_weights else "none"
    facts = layer_facts.table()[built.backbone.key].with_weights(weights)
    counted = of_model(built.model)
    assert (counted.layers, counted.weights) == (facts.layers, facts.weights)
    assert facts.output_side(built.backbone.min_size) == built.model.output_shape[1]


def declared(backbone: Backbone, image_size: int) -> list[tuple[str, str, str]]:
    """What the registry says about the file of the `imagenet` weights, if there is one."""
    known = backbone.published_weights.get("imagenet")
    if known is None or known.package:
        return []
    size = known.trained_size(image_size, backbone.native_size)
    file = known.file_for(image_size, backbone.native_size)
    return [(file, known.source.format(size=size), known.published_hash.partition(":")[2])]


def test_keras_asks_for_the_weights_as_declared(built: Built) -> None:
    assert built.files == declared(built.backbone, built.backbone.min_size)


def test_its_outputs_are_finite(built: Built) -> None:
    assert np.isfinite(built.model(random_images(built.backbone), training=False)).all()


def test_every_trainable_weight_has_a_gradient(built: Built) -> None:
    model = built.model
    model.trainable = True

    def gradients(images: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(images, training=True))
        found: list[Any] = tape.gradient(loss, model.trainable_weights)
        lost = [w.path for w, g in zip(model.trainable_weights, found, strict=True) if g is None]
        assert not lost
        return found

    images = random_images(built.backbone)
    if built.backbone.key in TRACED_ONLY:
        tf.function(gradients).get_concrete_function(images)
    else:
        assert all(np.isfinite(gradient).all() for gradient in gradients(images))


def test_it_has_batchnorm_only_where_said(built: Built) -> None:
    layers = built.model._flatten_layers()
    found = any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    assert found == built.backbone.uses_batchnorm


def test_it_preprocesses_inside_only_where_said(built: Built) -> None:
    kinds = {type(layer).__name__ for layer in built.model.layers}
    inside = kinds & {"Rescaling", "Normalization"}
    assert bool(inside) == (built.backbone.preprocessing == "none")
    # EfficientNetV2 chooses by its name: B0 to B3 normalize, S, M and L rescale.
    if built.backbone.family == "EfficientNetV2":
        assert ("Normalization" in inside) == built.backbone.key.startswith("efficientnetv2b")


@pytest.mark.parametrize("backbone", [*SCRATCH, *APPLICATIONS], ids=lambda backbone: backbone.key)
def test_a_smaller_size_is_refused(backbone: Backbone) -> None:
    message = "negative" if backbone.includes_head else f"must be at least {backbone.min_size}x"
    with pytest.raises(ValueError, match=message):
        build(backbone, backbone.min_size - 1)


def test_no_classification_backbone_of_keras_is_missing() -> None:
    functions = inspect.getmembers(keras.applications, inspect.isfunction)
    assert {name.lower() for name, _ in functions} == {backbone.key for backbone in APPLICATIONS}


@pytest.mark.parametrize("key", ["mobilenet", "mobilenetv2"])
@pytest.mark.parametrize("image_size", [96, 128, 160, 192, 224])
def test_weights_file_of_each_size(
    key: str, image_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = asked_files(monkeypatch)
    build(get(key), image_size, "imagenet")
    assert files == declared(get(key), image_size)


@pytest.mark.exhaustive
def test_nasnet_has_the_same_weights_at_any_size() -> None:
    """Its cells adapt to the sizes that they meet; were it with other layers, no file would fit."""
    shapes = [
        [weight.shape for weight in build(get("nasnetmobile"), image_size).weights]
        for image_size in (32, 224)
    ]
    assert shapes[0] == shapes[1]

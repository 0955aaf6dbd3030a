"""Networks with tokens, pooling, a head and FLOPs of their own, as packages may have them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from cifarkit.errors import CifarkitError
from cifarkit.models.info import Backbone
from cifarkit.profiling.flops import flops_per_image, uncounted
from cifarkit.specs import ModelSpec
from cifarkit.testing import check_backbone
from cifarkit.training import model_builder
from cifarkit.training.feature_cache import prefix_identity
from cifarkit.training.graph_split import cut
from cifarkit.training.model_builder import assemble, freeze

WIDTH, HEADS, KEY, SIZE = 8, 2, 3, 16


class WithClassToken(layers.Layer):
    """Puts a learnt token in front, and adds learnt positions."""

    flops_per_image = 0

    def build(self, shape: Any) -> None:
        self.token = self.add_weight(shape=(1, 1, WIDTH), initializer="normal")
        self.places = self.add_weight(shape=(1, shape[1] + 1, WIDTH), initializer="normal")

    def call(self, x: Any) -> Any:
        token = keras.ops.repeat(self.token, keras.ops.shape(x)[0], axis=0)
        return keras.ops.concatenate([token, x], axis=1) + self.places

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], shape[1] + 1, shape[2])


def tokens(*, image_size: int, weights: str | None, outputs: int, dropout: float) -> Any:
    """A vision transformer of one block, with dropout within its attention."""
    images = keras.Input((image_size, image_size, 3))
    x = layers.Conv2D(WIDTH, 4, strides=4)(images)
    x = WithClassToken()(layers.Reshape((-1, WIDTH))(x))
    y = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(HEADS, KEY, dropout=0.3)(y, y)])
    return keras.Model(images, layers.LayerNormalization()(x), name="tokens")


TOKENS = Backbone(
    key="tokens", name="Tokens", family="ViT", paper="none", build=tokens, preprocessing="tf",
    min_size=SIZE, native_size=2 * SIZE, features=WIDTH, weight_sets=(), uses_batchnorm=False,
    pooling="class_token",
)  # fmt: skip


def own_head(features: Any, *, outputs: int, dropout: float) -> Any:
    x = layers.BatchNormalization()(layers.GlobalMaxPooling1D()(features))
    return layers.Dense(outputs)(layers.Dropout(dropout)(x))


def whole(facts: Backbone, native: int = SIZE) -> tuple[Any, Any, tuple[Any, ...]]:
    keras.utils.set_random_seed(0)
    backbone = facts.build(image_size=SIZE, weights=None, outputs=3, dropout=0.5)
    return backbone, *assemble(
        facts, backbone, (native, native), image_size=SIZE, outputs=3, dropout=0.5
    )


IMAGES = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.float32)


def by_hand(model: Any, pooled: Any) -> np.ndarray:
    dense = model.get_layer("logits")
    return np.asarray(pooled @ dense.kernel + dense.bias)


@pytest.mark.parametrize("pooling", ["class_token", "average"])
def test_tokens_are_pooled(pooling: Any) -> None:
    backbone, model, head = whole(replace(TOKENS, pooling=pooling))
    features = np.asarray(backbone(IMAGES / 127.5 - 1, training=False))
    assert features.shape == (4, 17, WIDTH)
    pooled = features[:, 0] if pooling == "class_token" else features.mean(axis=1)
    found = np.asarray(model(IMAGES, training=False))
    np.testing.assert_allclose(found, by_hand(model, pooled), rtol=1e-4, atol=1e-5)
    names = ["dropout", "logits"] if pooling == "class_token" else ["dropout", "pool", "logits"]
    assert [layer.name for layer in head] == names


def test_a_head_of_its_own_gets_the_features() -> None:
    with_head = replace(TOKENS, head=own_head, head_uses_batchnorm=True)
    _, model, head = whole(with_head)
    kinds = [type(layer).__name__ for layer in head[0].layers[1:]]
    assert kinds == ["GlobalMaxPooling1D", "BatchNormalization", "Dropout", "Dense"]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        _, model, _ = whole(with_head)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output.dtype == "float32"
    assert with_head.trains_batchnorm(0.0)
    assert not TOKENS.trains_batchnorm(1.0)
    with pytest.raises(CifarkitError, match="its head gives"):
        whole(replace(TOKENS, head=lambda features, **_: features))


def test_another_head_is_another_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    def wider(features: Any, *, outputs: int, dropout: float) -> Any:
        return own_head(layers.Dense(9)(features), outputs=outputs, dropout=dropout)

    spec = ModelSpec(model="tokens", weights="none", image_size=SIZE, head_outputs=3)
    graphs = []
    for head in ("standard", own_head, own_head, wider):
        facts = replace(TOKENS, head=head)
        monkeypatch.setattr(model_builder, "get_backbone", lambda key, facts=facts: facts)
        graphs.append(model_builder.build(spec, (SIZE, SIZE)).graph_sha256)
    assert graphs[1] == graphs[2]
    assert len(set(graphs)) == 3


@pytest.mark.parametrize(
    "facts",
    [TOKENS, replace(TOKENS, pooling="average"), replace(TOKENS, head=own_head)],
    ids=["class token", "average", "own head"],
)
def test_cached_features_agree_with_the_live_model(facts: Backbone) -> None:
    backbone, model, _ = whole(facts)
    expected = np.asarray(model(IMAGES, training=False))
    freeze(backbone, unfreeze=0.0)  # the attention's dropout, too
    halves = cut(model)
    assert halves is not None
    assert not halves.prefix.trainable_weights
    found = np.asarray(halves.suffix(halves.prefix(IMAGES, training=True), training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    crossing = [tuple(tensor.shape[1:]) for tensor in halves.prefix.outputs]
    assert crossing == ([(17, WIDTH)] if facts.pooling == "average" else [(WIDTH,)])
    again = whole(facts)
    freeze(again[0], unfreeze=0.0)
    same = cut(again[1])
    assert same is not None
    assert prefix_identity(same.prefix) == prefix_identity(halves.prefix)


def test_attention_is_counted_and_other_layers_say_what_they_cost() -> None:
    backbone = TOKENS.build(image_size=SIZE, weights=None, outputs=3, dropout=0.0)
    projections = 4 * 17 * WIDTH * HEADS * KEY
    pairs = 17 * 17 * HEADS * 2 * KEY
    patches = 16 * 4 * 4 * 3 * WIDTH
    assert flops_per_image(backbone) == 2 * (patches + projections + pairs)
    assert uncounted(backbone) == []
    layer = next(one for one in backbone.layers if isinstance(one, WithClassToken))
    layer.flops_per_image = 1000
    assert flops_per_image(backbone) == 1000 + 2 * (patches + projections + pairs)
    layer.flops_per_image = None  # so the graph is counted
    assert flops_per_image(backbone) == 2 * (patches + projections + pairs)
    assert uncounted(backbone) == []
    layer.call = with_a_loop
    assert flops_per_image(backbone) == 2 * (patches + projections + pairs)
    assert uncounted(backbone) == ["WithClassToken"]


def with_a_loop(x: Any) -> Any:
    """What traced FLOPs cannot count, since they do not know how often it runs."""
    x = keras.ops.pad(x, [[0, 0], [1, 0], [0, 0]])
    return keras.ops.fori_loop(0, 2, lambda _, y: y + 1.0, x)


def test_the_contract_covers_pooling_head_and_flops(monkeypatch: pytest.MonkeyPatch) -> None:
    check_backbone(TOKENS)
    with_head = replace(TOKENS, head=own_head, head_uses_batchnorm=True)
    check_backbone(with_head)
    for wrong, message in (
        (replace(with_head, head_uses_batchnorm=False), "head_uses_batchnorm: the model's is True"),
        (replace(TOKENS, features=9), r"features are \(None, 17, 8\)"),
        (replace(TOKENS, head=lambda features, **_: features), "its head gives"),
    ):
        with pytest.raises(AssertionError, match=message):
            check_backbone(wrong)
    monkeypatch.setattr(WithClassToken, "flops_per_image", None)
    monkeypatch.setattr(WithClassToken, "call", lambda self, x: with_a_loop(x))
    with pytest.raises(AssertionError, match="FLOPs of WithClassToken are not known"):
        check_backbone(TOKENS)

"""Builds KerasHub's image backbones as plain functional models of images, in blocks.

KerasHub puts all blocks of a vision transformer into one layer. Here they are layers of the model,
so that a prefix of them can be frozen and its outputs cached.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

UNROLLED = (
    "ViTEncoder",
    "DeiTEncoder",
    "DINOV2Encoder",
    "DINOV3Encoder",
    "SwinTransformerStage",
    "PatchEmbedding",
)
"""KerasHub's layers whose parts become layers of the model: they run blocks one after the other.
Swin's first layer is the last here, since KerasHub cannot give its configuration."""
BLOCKS = (
    "ViTEncoderBlock",
    "DINOV2Layer",
    "DINOV3Layer",
    "SwinTransformerBlock",
    "SigLIPEncoderLayer",
    "CLIPEncoderLayer",
    "HierarchicalTransformerEncoder",
)
"""KerasHub's layers that are one transformer block each, attention and MLP."""


def build(folder: Path, config: Mapping[str, Any], *, image_size: int, load_weights: bool) -> Any:
    """The model of a preset, without its image converter; see `Backbone.build`.

    Args:
        folder: With the files of the preset.
        config: Of its backbone, with its `class_name`.
        image_size: In pixels, one that it takes.
        load_weights: False for random weights.
    """
    import keras
    import keras_hub

    policy = keras.config.dtype_policy()
    changes: dict[str, Any] = {
        name: (image_size, image_size, 3)
        for name in ("image_shape", "input_shape")
        if name in config
    }
    if config["class_name"] in ("SigLIPBackbone", "CLIPBackbone"):  # for images and texts
        whole = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        images = whole["config"]["vision_encoder"]
        # KerasHub would leave it in the precision that it was saved with.
        images["config"] |= {"dtype": keras.dtype_policies.serialize(policy)}
        changes = {"vision_encoder": images}
    whole = keras_hub.models.Backbone.from_preset(
        str(folder), load_weights=load_weights, dtype=policy, **changes
    )
    model = getattr(whole, "vision_encoder", whole)
    if config["class_name"] == "DINOV3Backbone":
        return _dinov3(model)
    if isinstance(model.input, dict) or any(_is(layer, UNROLLED) for layer in model.layers):
        return _chain(model)
    return _named(model)


def blocks(model: Any) -> list[list[Any]]:
    """The layers of a model by its transformer blocks, from the input on.

    What lies before the first block belongs to it, and what follows a block to that block.
    """
    groups: list[list[Any]] = [[]]
    for layer in model.layers:
        if _is_block(layer) and any(map(_is_block, groups[-1])):
            groups.append([])
        groups[-1].append(layer)
    return groups


def _chain(model: Any) -> Any:
    """A model whose layers follow one another, with the blocks of its encoders as layers."""
    import keras

    images = keras.Input(model.inputs[0].shape[1:], name="images")
    x = images
    for layer in model.layers[1:]:
        x = _unrolled(layer, x) if _is(layer, UNROLLED) else layer(x)
    return _named(keras.Model(images, x, name=model.name))


def _dinov3(model: Any) -> Any:
    """The same of DINOv3, whose blocks also take the rotations that stand for positions."""
    import keras

    images = keras.Input(model.inputs[0].shape[1:], name="images")
    x = _unrolled(
        model.encoder,
        model.embeddings(images),
        position_embeddings=model.rope_embedding(images),
        num_prefix_tokens=1 + model.num_register_tokens,
    )
    return _named(keras.Model(images, model.layernorm(x), name=model.name))


def _unrolled(encoder: Any, x: Any, **arguments: Any) -> Any:
    """The output of an encoder, whose layers are called on symbolic tensors one by one."""
    import keras

    kind = type(encoder).__name__
    if kind == "PatchEmbedding":
        x = keras.layers.Reshape((-1, encoder.embed_dim))(encoder.proj(x))
        if encoder.norm is None:
            return x
        encoder.norm.name = f"{encoder.name}_norm"
        return encoder.norm(x)
    if kind == "SwinTransformerStage":
        tokens = encoder.compute_output_shape(x.shape)[1:]
        for part in (*encoder.blocks, encoder.downsample):
            if part is not None:
                part.name = f"{encoder.name}_{part.name}"  # all stages name theirs alike
        # The merging of patches leaves their number open.
        return keras.layers.Reshape(tokens)(encoder.call(x))
    if kind == "DeiTEncoder":
        for block in encoder.encoder_layers:
            x = _deit_block(block, x)
        return encoder.layer_norm(x)
    result = encoder.call(x, **arguments)
    return result[0] if isinstance(result, tuple) else result


def _deit_block(block: Any, x: Any) -> Any:
    """As a model, since the layer's second output, the attention, is None."""
    import keras

    tokens = keras.Input(x.shape[1:])
    return _named(keras.Model(tokens, block.call(tokens)[0], name=block.name))(x)


def _named(model: Any) -> Any:
    """The model, with its name in its layers': a head has a layer `dropout`, too."""
    for layer in model.layers:
        layer.name = f"{model.name}_{layer.name}"
    return model


def _is_block(layer: Any) -> bool:
    import keras

    return _is(layer, BLOCKS) or isinstance(layer, keras.Model)


def _is(layer: Any, names: Sequence[str]) -> bool:
    return type(layer).__name__ in names

"""Presets of small random networks of KerasHub's architectures, saved as KerasHub saves its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SIZE = 32
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WIDTH, MLP, HEADS, BLOCKS, PATCH = 16, 32, 2, 2, 8


def _networks(models: Any) -> Mapping[str, Callable[[], Any]]:
    image = {"image_shape": (SIZE, SIZE, 3)}
    transformer = {"patch_size": PATCH, "num_layers": BLOCKS, "num_heads": HEADS,
                   "hidden_dim": WIDTH, **image}  # fmt: skip
    text = {"vocabulary_size": 32, "embedding_dim": WIDTH, "hidden_dim": WIDTH, "num_layers": 1,
            "num_heads": HEADS, "intermediate_dim": MLP, "max_sequence_length": 8}  # fmt: skip
    return {
        "vit": lambda: models.ViTBackbone(mlp_dim=MLP, **transformer),
        "deit": lambda: models.DeiTBackbone(intermediate_dim=MLP, **transformer),
        "swin_transformer": lambda: models.SwinTransformerBackbone(
            embed_dim=8, depths=(2, 2), num_heads=(2, 4), window_size=4, patch_size=4, **image
        ),
        "dinov2": lambda: models.DINOV2Backbone(
            intermediate_dim=MLP, num_register_tokens=2, position_embedding_shape=(SIZE, SIZE, 3),
            **transformer,
        ),
        "dinov3": lambda: models.DINOV3Backbone(
            intermediate_dim=MLP, num_register_tokens=2, **transformer
        ),
        "siglip": lambda: models.SigLIPBackbone(
            models.SigLIPVisionEncoder(intermediate_dim=MLP, **transformer),
            models.SigLIPTextEncoder(**text),
        ),
        "clip": lambda: models.CLIPBackbone(
            models.CLIPVisionEncoder(intermediate_dim=MLP, **transformer),
            models.CLIPTextEncoder(**text),
            projection_dim=WIDTH,
        ),
        "mit": lambda: models.MiTBackbone(
            layerwise_depths=[1, 1], num_layers=2, layerwise_num_heads=[1, 2],
            layerwise_sr_ratios=[2, 1], max_drop_path_rate=0.1, layerwise_patch_sizes=[7, 3],
            layerwise_strides=[4, 2], hidden_dims=[8, 16], **image,
        ),
        "resnet": lambda: models.ResNetBackbone(
            input_conv_filters=[64], input_conv_kernel_sizes=[7], stackwise_num_filters=[64, 64],
            stackwise_num_blocks=[1, 1], stackwise_num_strides=[1, 2], block_type="basic_block",
        ),
        "densenet": lambda: models.DenseNetBackbone(stackwise_num_repeats=[2, 2], growth_rate=4),
        "efficientnet": lambda: models.EfficientNetBackbone(
            stackwise_kernel_sizes=[3, 3], stackwise_num_repeats=[1, 1],
            stackwise_input_filters=[8, 8], stackwise_output_filters=[8, 16],
            stackwise_expansion_ratios=[1, 4], stackwise_strides=[1, 2],
            stackwise_squeeze_and_excite_ratios=[0.25, 0.25], stackwise_block_types=["v1", "v1"],
            stackwise_width_coefficients=[1.0, 1.0], stackwise_depth_coefficients=[1.0, 1.0],
        ),
        "mobilenet": lambda: models.MobileNetBackbone(
            stackwise_expansion=[[8], [8, 16]], stackwise_num_blocks=[1, 2],
            stackwise_num_filters=[[8], [16, 16]], stackwise_kernel_size=[[3], [3, 3]],
            stackwise_num_strides=[[2], [2, 1]], stackwise_se_ratio=[[0.25], [None, 0.25]],
            stackwise_activation=[["relu"], ["hard_swish", "hard_swish"]],
            stackwise_padding=[[1], [1, 1]], output_num_filters=32, input_num_filters=8,
            input_activation="hard_swish", output_activation="hard_swish", depthwise_filters=8,
            depthwise_stride=2, depthwise_residual=False, squeeze_and_excite=0.5,
            last_layer_filter=24,
        ),
        "cspnet": lambda: models.CSPNetBackbone(
            stem_filters=8, stem_kernel_size=3, stem_strides=1, stackwise_depth=[1, 1],
            stackwise_strides=[2, 2], stackwise_num_filters=[8, 16], block_type="dark_block",
            stage_type="csp", bottle_ratio=[0.5], block_ratio=[1.0], expand_ratio=[2.0],
        ),
        "vgg": lambda: models.VGGBackbone(
            stackwise_num_repeats=[1, 1], stackwise_num_filters=[8, 16]
        ),
        "xception": lambda: models.XceptionBackbone(
            stackwise_conv_filters=[[8, 8], [16, 16]], stackwise_pooling=[True, False]
        ),
    }  # fmt: skip


def save(family: str, folder: Path) -> Any:
    """Save a network of a family with its image converter; returns KerasHub's backbone."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    backbone = _networks(keras_hub.models)[family]()
    # Random values where a network starts with ones and zeros, so that loading them shows.
    for weight in backbone.weights:
        if len(weight.shape) < 2 and "float" in weight.dtype:
            weight.assign(keras.random.uniform(weight.shape, 0.5, 1.5))
    backbone.save_to_preset(str(folder))
    name = type(backbone).__name__.replace("Backbone", "ImageConverter")
    scale = [1 / 255 / deviation for deviation in DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
    converter = getattr(keras_hub.layers, name)((SIZE, SIZE), scale=scale, offset=offset)
    converter.save_to_preset(str(folder))
    return backbone

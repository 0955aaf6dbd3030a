"""Builds a spec's Keras model, from native-size images in 0..255 to logits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cifarkit.digests import json_digest
from cifarkit.errors import CifarkitError
from cifarkit.models.info import Backbone
from cifarkit.models.preprocessing import preprocessing_layers
from cifarkit.models.registry import get as get_backbone
from cifarkit.models.weights_file import file_sha256
from cifarkit.profiling.memory import layer_outputs, published_estimate_mb
from cifarkit.profiling.parameters import count
from cifarkit.specs import ModelSpec, TrialSpec
from cifarkit.store.store import KEPT_WEIGHTS
from cifarkit.text import listed
from cifarkit.training.graph_hash import graph_sha256
from cifarkit.training.keras_compat import dropouts_of
from cifarkit.training.pretrained_weights import published_file
from cifarkit.training.weight_check import assignments


@dataclass(frozen=True)
class BuiltModel:
    """A model and the parts that are measured.

    Attributes:
        model: (n, h, w, 3) in 0..255 to (n, head_outputs) float32 logits.
        backbone: The network within it; its own head included if it is trained from scratch.
        layers: The layers that the published study's estimate of memory counts.
        image_size: The side of the backbone's input images, in pixels.
        frozen_layers: How many of the backbone's layers, from the input on, are not trained.
        loaded_share: The share, 0..1, of the backbone's weight tensors that loading weights
            changed; None if none were to be loaded.
        graph_sha256: The hash of the graph of the backbone, and of a head of its own (see
            `training.graph_hash`).
        precise_batchnorm: Whether the statistics of trained BatchNormalization are recomputed after
            each epoch (see `training.precise_batchnorm`).
        loaded_file: The name of the file of published weights that was loaded; empty for other
            weights, or if it is not known.
        loaded_sha256: The SHA-256 of the file of the weights, 64 hexadecimal digits; empty if there
            is none or it is not known.
        backbone_files: The same of the other files that the backbone was built from, by name.
        frozen_blocks: Of a network that is frozen by blocks, how many blocks are, and of how many.
    """

    model: Any
    backbone: Any
    layers: tuple[Any, ...]
    image_size: int
    frozen_layers: int
    loaded_share: float | None = None
    precise_batchnorm: bool = False
    graph_sha256: str = ""
    loaded_file: str = ""
    loaded_sha256: str = ""
    backbone_files: Mapping[str, str] = field(default_factory=dict)
    frozen_blocks: tuple[int, int] | None = None

    @property
    def body(self) -> list[Any]:
        """The backbone's layers with weights, in order; without its head, if that is its last."""
        layers = [layer for layer in self.backbone.layers if layer.weights]
        return layers[:-1] if self.model.layers[-1] is self.backbone else layers

    def estimated_mb(
        self, batch_size: int, *, with_input: bool = False, averaged: bool = False
    ) -> float:
        """The published estimate; `with_input` counts one layer in front, as Tables 3 and 5 do.

        `averaged` counts the averages of trained weights.
        """
        outputs = layer_outputs(self.layers) + with_input * 3 * self.image_size**2
        params = count(self.model)
        weights = params.total + (params.trainable if averaged else 0)
        return published_estimate_mb(outputs, weights, batch_size)


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Temporarily set Keras' global dtype policy."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build(
    spec: ModelSpec,
    native_size: tuple[int, int],
    *,
    pretrained: bool = True,
    trials: Path | None = None,
) -> BuiltModel:
    """Build the model of a spec.

    Resizing and preprocessing are layers of the model: they run on the device, for a batch at a
    time, so that memory does not grow with the number of images times their size.

    Args:
        spec: The model to build.
        native_size: (height, width) of the input images.
        pretrained: False builds the same model with random weights, to count and estimate.
        trials: The folder of trials in which `trial:ID` is looked for.

    Raises:
        CifarkitError: The weights are missing, belong to another backbone, or changed nothing.
    """
    facts = get_backbone(spec.model)
    loads = pretrained and spec.weights != "none"
    with assignments() as assigned:
        backbone, name, sha256 = _backbone(spec, native_size, trials, loads=loads)
    graph = graph_sha256(backbone)
    loaded_share = assigned.share(backbone, spec.weights, spec.model) if loads else None
    blocks = None if facts.blocks is None else facts.blocks(backbone)
    frozen_layers = freeze(
        backbone,
        unfreeze=spec.unfreeze,
        freeze_batchnorm=spec.batchnorm == "frozen",
        blocks=blocks,
    )

    model, head = assemble(
        facts,
        backbone,
        native_size,
        image_size=spec.image_size,
        outputs=spec.head_outputs or 0,
        dropout=spec.dropout,
    )
    layers = tuple(backbone.layers) if facts.includes_head else (backbone, *head)
    if callable(facts.head):
        graph = json_digest([graph, graph_sha256(head[0])])
    return BuiltModel(
        model,
        backbone,
        layers,
        spec.image_size,
        frozen_layers,
        loaded_share,
        precise_batchnorm=spec.batchnorm == "precise",
        graph_sha256=graph,
        loaded_file=name,
        loaded_sha256=sha256,
        backbone_files={Path(file).name: file_sha256(file) for file in facts.files},
        frozen_blocks=(_frozen(len(blocks), spec.unfreeze), len(blocks)) if blocks else None,
    )


def _backbone(
    spec: ModelSpec, native_size: tuple[int, int], trials: Path | None, *, loads: bool
) -> tuple[Any, str, str]:
    """The network, and `BuiltModel.loaded_file` and `loaded_sha256`."""
    facts = get_backbone(spec.model)
    backbone = facts.build(
        image_size=spec.image_size,
        weights=spec.weights if loads and spec.weights in facts.published_weights else None,
        outputs=spec.head_outputs,
        dropout=spec.dropout,
    )
    return backbone, *(_load(backbone, spec, native_size, trials) if loads else ("", ""))


def feature_extractor(spec: ModelSpec, native_size: tuple[int, int]) -> Any:
    """The model of a spec without its head: images to the features that a head would get.

    Args:
        spec: Of a network without a head of its own.
        native_size: (height, width) of the input images.

    Returns:
        A model of (n, h, w, 3) images in 0..255 to (n, d) features. Features are pooled as in front
        of the standard head.

    Raises:
        CifarkitError: The weights are missing, belong to another backbone, or changed nothing.
    """
    import keras

    facts = get_backbone(spec.model)
    loads = spec.weights != "none"
    with assignments() as assigned:
        backbone, _, _ = _backbone(spec, native_size, None, loads=loads)
    if loads:
        assigned.share(backbone, spec.weights, spec.model)
    inputs = keras.Input((*native_size, 3), name="image")
    x = inputs
    for layer in _front(facts, backbone, native_size, spec.image_size):
        x = layer(x)
    x = _pooled(x) if facts.pooling == "average" else _class_token(facts, x)
    return keras.Model(inputs, x, name=f"{_plain(facts.key)}_features")


def assemble(
    facts: Backbone,
    backbone: Any,
    native_size: tuple[int, int],
    *,
    image_size: int,
    outputs: int,
    dropout: float,
) -> tuple[Any, tuple[Any, ...]]:
    """A backbone with resizing and preprocessing in front of it, and its head behind.

    Args:
        facts: Of the backbone.
        backbone: As `facts.build` made it.
        native_size: (height, width) of the input images.

    Returns:
        The model, (n, h, w, 3) in 0..255 to (n, outputs) float32 logits, and the head's layers; a
        head of the backbone's own is a model, the first of them.

    Raises:
        CifarkitError: Features and head do not fit together.
    """
    import keras

    inputs = keras.Input((*native_size, 3), name="image")
    front = _front(facts, backbone, native_size, image_size)
    x = inputs
    for layer in front:
        x = layer(x)
    if not facts.includes_head:
        x = _logits(facts, x, outputs, dropout)
        if tuple(x.shape) != (None, outputs):
            raise CifarkitError(f"{facts.key}: its head gives {x.shape}, not (None, {outputs})")
    model = keras.Model(inputs, x, name=f"{_plain(facts.key)}_classifier")
    return model, tuple(layer for layer in model.layers[1:] if layer not in front)


def _plain(key: str) -> str:
    """A key as part of a model's name, which may have no slash."""
    return re.sub(r"\W+", "_", key)


def _front(
    facts: Backbone, backbone: Any, native_size: tuple[int, int], image_size: int
) -> list[Any]:
    """The layers from native-size images to the backbone's output."""
    import keras

    resize = [keras.layers.Resizing(image_size, image_size, name="resize")]
    same = native_size == (image_size, image_size)
    return [*([] if same else resize), *preprocessing_layers(facts.preprocessing), backbone]


def _load(
    backbone: Any, spec: ModelSpec, native_size: tuple[int, int], trials: Path | None
) -> tuple[str, str]:
    """Load the weights of a file or an earlier trial, if the spec names one.

    Returns:
        `BuiltModel.loaded_file` and `loaded_sha256`, of published weights too, which are loaded.
    """
    source = spec.weights_file or spec.weights
    try:
        if spec.weights.startswith("sha256:"):
            if spec.weights_file is None:
                raise ValueError("the path of the file with that content is not known")
            content = file_sha256(spec.weights_file)
            if f"sha256:{content[:16]}" != spec.weights:
                raise ValueError(f"its content is no longer {spec.weights}")
            backbone.load_weights(spec.weights_file)
            return "", content
        if spec.weights.startswith("trial:"):
            if trials is None:
                raise ValueError("no folder of trials was given")
            folder = trials / spec.weights.removeprefix("trial:")
            donor = TrialSpec.model_validate_json((folder / "spec.json").read_bytes()).model
            whole = build(donor, native_size, pretrained=False)
            whole.model.load_weights(folder / KEPT_WEIGHTS)
            backbone.set_weights(whole.backbone.get_weights())
            return "", file_sha256(folder / KEPT_WEIGHTS)
        known = get_backbone(spec.model).published_weights
        if spec.weights not in known:
            raise ValueError(f"its weights are {listed(known)} now")
        file = published_file(spec)
        if file is None:
            return "", ""
        content = file_sha256(file)
        expected = known[spec.weights].sha256
        if expected and content != expected:
            raise ValueError(f"the SHA-256 of {file} is {content[:16]}..., not {expected[:16]}...")
        return file.name, content
    except (OSError, ValueError) as error:
        # A trial's reason is a single line.
        cause = " ".join(str(error).split())
        raise CifarkitError(
            f"--weights: {source} cannot be used for {spec.model}: {cause}"
        ) from None


def freeze(
    backbone: Any,
    *,
    unfreeze: float,
    freeze_batchnorm: bool = False,
    blocks: Sequence[Sequence[Any]] | None = None,
) -> int:
    """Freeze all but the last `unfreeze` of the backbone's layers, as the published study counted.

    Args:
        blocks: All its layers in blocks, from the input on, to count these instead.

    Returns:
        How many layers are frozen: `int(layers * (1 - unfreeze))`, or those of so many blocks.
    """
    import keras

    frozen = _frozen(len(blocks or backbone.layers), unfreeze)
    if blocks is not None:
        frozen = sum(map(len, blocks[:frozen]))
    for layer in backbone.layers[:frozen]:
        layer.trainable = False
        for dropout in dropouts_of(layer):
            # Turn off stochastic depth: a frozen layer has to be a function of its input.
            dropout.rate = 0
    if freeze_batchnorm:
        for layer in backbone.layers[frozen:]:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    return frozen


def _frozen(count: int, unfreeze: float) -> int:
    return int(count * (1 - unfreeze))


@contextmanager
def all_frozen(backbone: Any) -> Iterator[None]:
    """Temporarily freeze the whole backbone."""
    layers = list(backbone.layers)
    trainable = [layer.trainable for layer in layers]
    drops = [dropout for layer in layers for dropout in dropouts_of(layer)]
    rates = [dropout.rate for dropout in drops]
    freeze(backbone, unfreeze=0.0)
    try:
        yield
    finally:
        for layer, flag in zip(layers, trainable, strict=True):
            layer.trainable = flag
        for dropout, rate in zip(drops, rates, strict=True):
            dropout.rate = rate


def _logits(facts: Backbone, features: Any, outputs: int, dropout: float) -> Any:
    """The classifier, in the published study's order: Dropout before the pooling."""
    import keras
    from keras import layers

    x = features
    if callable(facts.head):
        inputs = keras.Input(x.shape[1:], dtype=x.dtype)
        logits = facts.head(inputs, outputs=outputs, dropout=dropout)
        x = keras.Model(inputs, logits, name="head")(x)
        # Logits stay float32 under mixed precision.
        return layers.Activation("linear", dtype="float32", name="logits_float32")(x)
    if facts.pooling == "class_token":
        x = _class_token(facts, x)
    if facts.head == "xception":
        x = layers.BatchNormalization(name="head_bn")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = _pooled(x)
    if facts.head == "xception":
        x = layers.Dense(256, activation="relu", name="head_dense")(x)
    return layers.Dense(outputs, dtype="float32", name="logits")(x)


def _class_token(facts: Backbone, features: Any) -> Any:
    if len(features.shape) != 3:
        raise CifarkitError(
            f"{facts.key}: features {features.shape} have no class token to pool by"
        )
    return features[:, 0]


def _pooled(features: Any) -> Any:
    """The average over positions or tokens, if there are any."""
    from keras import layers

    if len(features.shape) == 4:
        return layers.GlobalAveragePooling2D(name="pool")(features)
    if len(features.shape) == 3:
        return layers.GlobalAveragePooling1D(name="pool")(features)
    return features

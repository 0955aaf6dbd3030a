"""Builds a spec's Keras model, from native-size images in 0..255 to logits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cifarkit.errors import CifarkitError
from cifarkit.models.info import Backbone
from cifarkit.models.preprocessing import preprocessing_layers
from cifarkit.models.registry import get as get_backbone
from cifarkit.models.weights_source import file_identity
from cifarkit.profiling.memory import layer_outputs, published_estimate_mb
from cifarkit.profiling.parameters import count
from cifarkit.specs import ModelSpec, TrialSpec
from cifarkit.store.store import KEPT_WEIGHTS
from cifarkit.training.graph_hash import graph_sha256
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
        graph_sha256: Of the backbone as it was built (see `training.graph_hash`).
        precise_batchnorm: Have the statistics of BatchNormalization that is trained computed anew
            after each epoch (see `training.precise_batchnorm`).
    """

    model: Any
    backbone: Any
    layers: tuple[Any, ...]
    image_size: int
    frozen_layers: int
    loaded_share: float | None = None
    precise_batchnorm: bool = False
    graph_sha256: str = ""

    def estimated_mb(self, batch_size: int, *, with_input: bool = False) -> float:
        """The published estimate; `with_input` counts one layer in front, as Tables 3 and 5 do."""
        outputs = layer_outputs(self.layers) + with_input * 3 * self.image_size**2
        return published_estimate_mb(outputs, count(self.model).total, batch_size)


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
    import keras

    facts = get_backbone(spec.model)
    loads = pretrained and spec.weights != "none"
    with assignments() as assigned:
        backbone = facts.build(
            image_size=spec.image_size,
            weights=spec.weights if loads and spec.weights in facts.weight_sets else None,
            outputs=spec.head_outputs,
            dropout=spec.dropout,
        )
        if loads:
            _load(backbone, spec, native_size, trials)
    graph = graph_sha256(backbone)
    loaded_share = assigned.share(backbone, spec.weights, spec.model) if loads else None
    frozen_layers = freeze(
        backbone, unfreeze=spec.unfreeze, freeze_batchnorm=spec.batchnorm == "frozen"
    )

    inputs = keras.Input((*native_size, 3), name="image")
    x = inputs
    if native_size != (spec.image_size, spec.image_size):
        x = keras.layers.Resizing(spec.image_size, spec.image_size, name="resize")(x)
    for layer in preprocessing_layers(facts.preprocessing):
        x = layer(x)
    x = backbone(x)
    if facts.includes_head:
        layers = tuple(backbone.layers)
    else:
        head = _head(facts, spec)
        for layer in head:
            x = layer(x)
        layers = (backbone, *head)
    model = keras.Model(inputs, x, name=f"{spec.model}_classifier")
    return BuiltModel(
        model,
        backbone,
        layers,
        spec.image_size,
        frozen_layers,
        loaded_share,
        precise_batchnorm=spec.batchnorm == "precise",
        graph_sha256=graph,
    )


def _load(
    backbone: Any, spec: ModelSpec, native_size: tuple[int, int], trials: Path | None
) -> None:
    """Load the weights of a file or an earlier trial, if the spec names one."""
    source = spec.weights_file or spec.weights
    try:
        if spec.weights.startswith("sha256:"):
            if spec.weights_file is None:
                raise ValueError("the file with that content is not known")
            if file_identity(spec.weights_file) != spec.weights:
                raise ValueError(f"its content is no longer {spec.weights}")
            backbone.load_weights(spec.weights_file)
        elif spec.weights.startswith("trial:"):
            if trials is None:
                raise ValueError("no folder of trials was given")
            folder = trials / spec.weights.removeprefix("trial:")
            donor = TrialSpec.model_validate_json((folder / "spec.json").read_bytes()).model
            whole = build(donor, native_size, pretrained=False)
            whole.model.load_weights(folder / KEPT_WEIGHTS)
            backbone.set_weights(whole.backbone.get_weights())
    except (OSError, ValueError) as error:
        # A trial's reason is a single line.
        cause = " ".join(str(error).split())
        raise CifarkitError(
            f"--weights: {source} cannot be used for {spec.model}: {cause}"
        ) from None


def freeze(backbone: Any, *, unfreeze: float, freeze_batchnorm: bool = False) -> int:
    """Freeze all but the last `unfreeze` of the backbone's layers, as the published study counted.

    Returns:
        How many layers are frozen: `int(layers * (1 - unfreeze))`.
    """
    import keras

    frozen = int(len(backbone.layers) * (1 - unfreeze))
    for layer in backbone.layers[:frozen]:
        layer.trainable = False
        if isinstance(layer, keras.layers.Dropout):
            # Turn off stochastic depth: a frozen layer has to be a function of its input.
            layer.rate = 0
    if freeze_batchnorm:
        for layer in backbone.layers[frozen:]:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    return frozen


@contextmanager
def all_frozen(backbone: Any) -> Iterator[None]:
    """Temporarily freeze the whole backbone."""
    import keras

    layers = list(backbone.layers)
    trainable = [layer.trainable for layer in layers]
    drops = [layer for layer in layers if isinstance(layer, keras.layers.Dropout)]
    rates = [layer.rate for layer in drops]
    freeze(backbone, unfreeze=0.0)
    try:
        yield
    finally:
        for layer, flag in zip(layers, trainable, strict=True):
            layer.trainable = flag
        for layer, rate in zip(drops, rates, strict=True):
            layer.rate = rate


def _head(facts: Backbone, spec: ModelSpec) -> list[Any]:
    """The classifier, in the published study's order: Dropout before the pooling."""
    from keras import layers

    head = [
        layers.Dropout(spec.dropout, name="dropout"),
        layers.GlobalAveragePooling2D(name="pool"),
    ]
    if facts.head == "xception":
        head = [layers.BatchNormalization(name="head_bn"), *head]
        head.append(layers.Dense(256, activation="relu", name="head_dense"))
    # Logits stay float32 under mixed precision.
    head.append(layers.Dense(spec.head_outputs, dtype="float32", name="logits"))
    return head

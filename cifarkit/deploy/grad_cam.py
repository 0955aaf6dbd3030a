"""Grad-CAM: where in an image a network's score of a class comes from.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017; the check with shuffled weights is Adebayo et al., "Sanity Checks for
Saliency Maps", NeurIPS 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.errors import InvalidInput
from cifarkit.store.records import TrialRecord

SMALLEST = 4
"""Positions on a side of the coarsest feature map that is used."""
_BATCH = 16

Maps = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GradCam:
    """Maps of some images.

    Attributes:
        maps: (n, h, w), with the negative parts that a display cuts off.
        shuffled: The same of the network with its weights shuffled within each tensor.
        predictions: (n,) the output that the network prefers.
        layer: The layer whose feature maps they are of.
    """

    maps: Maps
    shuffled: Maps
    predictions: npt.NDArray[np.int64]
    layer: str


def of_trial(
    record: TrialRecord, images: npt.NDArray[np.uint8], classes: npt.NDArray[np.int64]
) -> GradCam:
    """Grad-CAM of a trial's kept weights.

    Args:
        record: A complete trial that kept its weights.
        images: (n, height, width, 3), as the trial's data has them.
        classes: (n,) the output that is explained of each.

    Raises:
        InvalidInput: As `trial_model.trained_model` and `feature_map`.
    """
    from cifarkit.deploy.trial_model import trained_model

    model = trained_model(record).model
    joint, layer = feature_map(model)
    maps, logits = grad_cam(joint, images, classes)
    weights = model.get_weights()
    model.set_weights(_shuffled(weights))
    shuffled, _ = grad_cam(joint, images, classes)
    return GradCam(maps, shuffled, np.asarray(logits.argmax(axis=1), np.int64), layer)


def feature_map(model: Any) -> tuple[Any, str]:
    """The deepest feature map of `SMALLEST` x `SMALLEST` positions or more.

    It is one that all paths cross, or the end of a block: a sum or a concatenation. NASNet's cells
    take the last two cells' outputs, so that no path crosses all.

    Args:
        model: A functional model, of nested ones too, to (n, outputs) logits.

    Returns:
        A model to the feature map (n, h, w, channels) and the logits, and the layer's name.

    Raises:
        InvalidInput: There is none, as in a network of tokens.
    """
    import keras

    from cifarkit.training.keras_compat import flat, nodes_in_order

    whole = flat(model)
    later: set[int] = {id(whole.outputs[0])}
    for node in reversed(nodes_in_order(whole)):
        # `later` holds the tensors made so far that the rest of the network takes.
        (output, *others) = node.outputs
        padding = isinstance(node.operation, keras.layers.ZeroPadding2D)
        ends_block = isinstance(node.operation, keras.layers.Add | keras.layers.Concatenate)
        crossed = later == {id(output)} and not others and not padding
        if (crossed or ends_block) and _is_map(output):
            return keras.Model(whole.inputs, [output, whole.outputs[0]]), str(node.operation.name)
        later -= {id(one) for one in node.outputs}
        later |= {id(tensor) for tensor in node.input_tensors}
    raise InvalidInput(
        f"--explain: Grad-CAM needs a feature map of {SMALLEST} x {SMALLEST} positions or more, "
        "which this network has not at this image size"
    )


def _is_map(tensor: Any) -> bool:
    shape = tensor.shape
    return len(shape) == 4 and None not in shape[1:3] and min(shape[1:3]) >= SMALLEST


def grad_cam(
    joint: Any, images: npt.NDArray[np.uint8], classes: npt.NDArray[np.int64]
) -> tuple[Maps, npt.NDArray[np.float32]]:
    """The maps before their negative parts are cut off, and the logits.

    Args:
        joint: From `feature_map`.
        images: (n, height, width, 3) in 0..255, of any size.
        classes: (n,) the output that is explained of each.
    """
    import tensorflow as tf
    from keras import ops

    size = tuple(joint.inputs[0].shape[1:3])
    maps, logits = [], []
    for first in range(0, len(images), _BATCH):
        pixels = ops.cast(images[first : first + _BATCH], "float32")
        if images.shape[1:3] != size:
            pixels = ops.image.resize(pixels, size)
        rows = np.arange(len(pixels))
        with tf.GradientTape() as tape:
            tape.watch(pixels)  # frozen layers have no variables that are watched
            features, scores = joint(pixels, training=False)
            explained = tf.gather_nd(scores, np.stack([rows, classes[first:][: len(rows)]], 1))
        gradients = tape.gradient(explained, features)
        # The gradient's mean over positions is a channel's weight (equations 1 and 2, without
        # the ReLU).
        weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
        maps.append(tf.reduce_sum(weights * features, axis=-1).numpy())
        logits.append(np.asarray(scores))
    return np.concatenate(maps).astype(np.float32), np.concatenate(logits).astype(np.float32)


def _shuffled(weights: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    rng = np.random.Generator(np.random.PCG64(0))
    return [rng.permutation(values.ravel()).reshape(values.shape) for values in weights]

"""The key of the feature cache: a digest of the frozen layers, their weights and the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cifarkit.datasets.dataset import Images
from cifarkit.datasets.views import View
from cifarkit.digests import digest
from cifarkit.training.graph_hash import call_of, ends
from cifarkit.training.step import uses_xla

Part = Images | View

# Increment if the same model and images give other activations, or an entry has other files.
_VERSION = 4


def prefix_identity(prefix: Any) -> bytes:
    """A digest of the prefix's layers and weights, which determine its outputs for an image.

    Names are left out, since Keras numbers them per process.

    Raises:
        NotImplementedError: The configuration of an operation is not available.
    """
    return bytes.fromhex(digest(_prefix_parts(prefix)))


def _prefix_parts(prefix: Any) -> Iterator[bytes | memoryview]:
    import keras
    import tensorflow as tf

    def encoded(*values: Any) -> bytes:
        return repr(values).encode()

    yield encoded(_VERSION, keras.__version__, tf.__version__, uses_xla())
    operations = prefix.operations
    for operation in operations:
        yield encoded(
            type(operation).__name__, _settings(operation), call_of(operation, operations)
        )
        yield encoded([(x.shape, x.dtype) for x in keras.tree.flatten(operation.output)])
        for weight in getattr(operation, "weights", ()):
            yield np.ascontiguousarray(weight).data
    yield encoded(ends(prefix, operations))


def _settings(operation: Any) -> dict[str, Any]:
    """The plain values of its configuration: strides, axes, scales, the kind of activation."""
    left_out = ("name", "trainable", "layers")
    return {
        key: value
        for key, value in operation.get_config().items()
        if key not in left_out and not isinstance(value, dict)
    }


def entry_name(identity: bytes, images: Part) -> str:
    """The cache entry of a prefix's outputs for some images."""
    return digest(_content(identity, images))[:32]


def _content(identity: bytes, images: Part) -> Iterator[bytes | memoryview]:
    yield identity
    if isinstance(images, View):
        yield from images.key()
        images = images.images
    yield repr((images.shape, images.dtype)).encode()
    for start in range(0, len(images), 1024):
        yield np.ascontiguousarray(images[start : start + 1024]).data

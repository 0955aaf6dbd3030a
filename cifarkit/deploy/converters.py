"""Writes a network as a file of each format, in inference mode.

Every model takes uint8 images in 0..255, RGB, and gives float32 probabilities. It has the export's
record inside, where its format has a place for it.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.deploy.runtimes import ExportFormat, missing_extra
from cifarkit.deploy.trial_model import Size, inference_model
from cifarkit.streams import stderr_discarded

INPUT, OUTPUT = "images", "probabilities"
EMBEDDED = "cifarkit.json"
"""The record inside a `.keras` file, and in `assets.extra` of a SavedModel."""
ONNX_OPSET = 18
"""The latest that tf2onnx 1.17 writes."""
PACKAGES: dict[ExportFormat, tuple[str, ...]] = {
    "keras": ("keras",),
    "savedmodel": ("keras", "tensorflow"),
    "onnx": ("onnx", "tf2onnx", "tensorflow", "onnxruntime"),
    "litert": ("keras", "tensorflow", "ai-edge-litert"),
}
"""What writes and runs a format."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network to be exported; see `trial_model.inference_model`."""

    model: Any
    native: Size
    image_size: int


def tools(format: ExportFormat) -> dict[str, str]:
    """The versions of what writes and runs a format.

    Raises:
        InvalidInput: One is not installed.
    """
    try:
        return {name: version(name) for name in PACKAGES[format]}
    except PackageNotFoundError as error:
        raise missing_extra(str(error.name), format) from None


def convert(
    network: Network,
    format: ExportFormat,
    path: Path,
    *,
    calibration: npt.NDArray[np.uint8] | None = None,
) -> None:
    """Write a network to a file, or, as a SavedModel, to a folder.

    Args:
        network: The network.
        format: The file's.
        path: Where; nothing is there.
        calibration: (n, height, width, 3) uint8 images by whose activations a LiteRT model is
            quantized to int8; None for float32.
    """
    with _no_messages():
        if format == "litert":
            _litert(network, path, calibration)
        else:
            {"keras": _keras, "savedmodel": _saved_model, "onnx": _onnx}[format](network, path)


def embed(path: Path, format: ExportFormat, record: str) -> None:
    """Put the record into the model itself, where other programs may look for it.

    Args:
        record: As JSON.
    """
    if format == "keras":
        with zipfile.ZipFile(path, "a") as packed:
            packed.writestr(zipfile.ZipInfo(EMBEDDED), record)
    elif format == "savedmodel":
        folder = path / "assets.extra"
        folder.mkdir(exist_ok=True)
        (folder / EMBEDDED).write_text(record, encoding="utf-8")
    elif format == "onnx":
        import onnx

        proto = onnx.load(path)
        onnx.helper.set_model_props(proto, {"cifarkit": record})
        onnx.save(proto, path)


def _keras(network: Network, path: Path) -> None:
    inference_model(network.model, network.native, network.image_size).save(path)


def _saved_model(network: Network, path: Path) -> None:
    import keras
    import tensorflow as tf

    model = inference_model(network.model, network.native, network.image_size)
    # `ExportArchive.track`, which `model.export` calls, would store every weight twice.
    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "serve",
        lambda images: {OUTPUT: model(images, training=False)},
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name=INPUT)],
    )
    archive.write_out(path, verbose=False)


def _onnx(network: Network, path: Path) -> None:
    import tensorflow as tf
    import tf2onnx

    model = inference_model(
        network.model, network.native, network.image_size, fixed=True, dtype="float32"
    )

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name=INPUT)])
    def serve(images: Any) -> Any:
        return {OUTPUT: model(_resized(images, network.native), training=False)}

    tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=ONNX_OPSET, output_path=str(path)
    )


def _resized(images: Any, size: Size) -> Any:
    """Images resized bilinearly with antialiasing, as Pillow and `tf.image.resize` do.

    Its operations, unlike `tf.image.resize`'s with antialiasing, are there in ONNX. Images of that
    size stay as they are, to the bit.
    """
    import tensorflow as tf

    shape = tf.shape(images)
    x = tf.cast(images, tf.float32)
    x = tf.einsum("oh,nhwc->nowc", _triangles(shape[1], size[0]), x)
    x = tf.einsum("ow,nhwc->nhoc", _triangles(shape[2], size[1]), x)
    return tf.ensure_shape(x, (None, *size, 3))


def _triangles(length: Any, new: int) -> Any:
    """(new, length) float32, the share of each old pixel in each new one, along one axis."""
    import tensorflow as tf

    length = tf.cast(length, tf.float32)
    scale = length / new
    centres = (tf.range(new, dtype=tf.float32) + 0.5) * scale
    distances = tf.abs(tf.range(length)[None, :] + 0.5 - centres[:, None])
    shares = tf.nn.relu(1 - distances / tf.maximum(scale, 1.0))
    return shares / tf.reduce_sum(shares, axis=1, keepdims=True)


def _litert(network: Network, path: Path, calibration: npt.NDArray[np.uint8] | None) -> None:
    import tensorflow as tf

    model = inference_model(network.model, network.native, network.image_size, fixed=True)
    options: dict[str, Any] = {}
    if calibration is not None:
        options = {
            "optimizations": [tf.lite.Optimize.DEFAULT],
            "representative_dataset": _one_by_one(calibration),
            "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        }
    # Keras traces it with `training=False`.
    model.export(path, format="litert", verbose=False, **options)


def _one_by_one(images: npt.NDArray[np.uint8]) -> Callable[[], Iterator[list[Any]]]:
    return lambda: ([image[None]] for image in images)


@contextmanager
def _no_messages() -> Iterator[None]:
    """Hide what converters print on their way."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl", "tf2onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with stderr_discarded():
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

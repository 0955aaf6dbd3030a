"""Runs exported models, each in its own runtime, imported on first use.

A runtime is a function of (n, h, w, 3) uint8 images to (n, outputs) float32 probabilities.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from cifarkit.errors import InvalidInput
from cifarkit.streams import stderr_discarded

ExportFormat = Literal["keras", "savedmodel", "onnx", "litert"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Runtime = Callable[[Images], Probabilities]


def needed(module: str, extra: str) -> Any:
    """A module of an extra.

    Raises:
        InvalidInput: It is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing_extra(f"{module.split('.')[0]} ({error})", extra) from None


def missing_extra(what: str, extra: str) -> InvalidInput:
    return InvalidInput(f"{what} is not installed; python -m pip install 'cifarkit[{extra}]'")


def open_runtime(format: ExportFormat, path: Path) -> Runtime:
    """Load an exported model.

    Args:
        format: The file's.
        path: The file, or a SavedModel's folder.

    Raises:
        InvalidInput: The runtime is not installed, or cannot load it.
    """
    opener = {"keras": _keras, "savedmodel": _saved_model, "onnx": _onnx, "litert": _litert}[format]
    with _load_errors(path), stderr_discarded():  # they greet
        return opener(path)


@contextmanager
def _load_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except InvalidInput:
        raise
    except Exception as error:  # every runtime has errors of its own
        cause = " ".join(str(error).split())[:300]
        raise InvalidInput(f"{path} cannot be loaded: {cause or type(error).__name__}") from None


def of_keras(model: Any) -> Runtime:
    """A Keras model, traced once for batches of any size."""
    import tensorflow as tf

    signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
    traced = tf.function(lambda images: model(images, training=False), input_signature=signature)
    return lambda images: np.asarray(traced(images), np.float32)


def _keras(path: Path) -> Runtime:
    return of_keras(load_keras(path))


def load_keras(path: Path) -> Any:
    """The Keras model of a `.keras` file; code in it is refused (`safe_mode`)."""
    from cifarkit.training.keras_compat import import_keras

    with _load_errors(path), stderr_discarded():
        import_keras()
        import keras

        return keras.saving.load_model(path, compile=False, safe_mode=True)


def _saved_model(path: Path) -> Runtime:
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    serve = loaded.signatures["serving_default"]
    (output,) = serve.structured_outputs

    def run(images: Images) -> Probabilities:
        return np.asarray(serve(images=tf.constant(images))[output], np.float32)

    run.keeps = loaded  # type: ignore[attr-defined]  # its variables live as long as it does
    return run


def _onnx(path: Path) -> Runtime:
    onnxruntime = needed("onnxruntime", "onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(images: Images) -> Probabilities:
        return np.asarray(session.run(None, {name: images})[0], np.float32)

    return run


def _litert(path: Path) -> Runtime:
    interpreter = needed("ai_edge_litert.interpreter", "litert").Interpreter(model_path=str(path))
    (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()
    turn = threading.Lock()  # an interpreter holds one batch

    def run(images: Images) -> Probabilities:
        with turn:
            if tuple(interpreter.get_input_details()[0]["shape"]) != images.shape:
                interpreter.resize_tensor_input(inputs["index"], images.shape, strict=True)
                interpreter.allocate_tensors()
            interpreter.set_tensor(inputs["index"], np.ascontiguousarray(images))
            interpreter.invoke()
            return np.asarray(interpreter.get_tensor(outputs["index"]), np.float32)

    interpreter.allocate_tensors()
    return run

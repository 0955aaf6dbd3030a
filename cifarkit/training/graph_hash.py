"""A hash of a model's graph: the configuration of its layers and their connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cifarkit.digests import digest
from cifarkit.training.keras_compat import calls_within, producer


def graph_sha256(model: Any) -> str:
    """SHA-256 (hexadecimal) of a functional model's graph, without names, values and precision.

    Two models with the same hash are made of layers with the same settings, connected in the same
    way, with weights of the same shapes. Code that is not reflected in a layer's configuration is
    not covered. Empty if a configuration is unavailable, or the model not functional.
    """
    try:
        return digest(_parts(model))
    except (NotImplementedError, AttributeError):  # from Keras; from a subclassed model
        return ""


def _parts(model: Any) -> Iterator[bytes]:
    import keras

    operations = model.operations
    for operation in operations:
        description: list[Any] = [type(operation).__name__, call_of(operation, operations)]
        if isinstance(operation, keras.Function):
            yield from _parts(operation)
        else:
            description.append(_settings(operation.get_config()))
        description.append([tuple(x.shape) for x in keras.tree.flatten(operation.output)])
        description.append([tuple(weight.shape) for weight in getattr(operation, "weights", ())])
        yield repr(description).encode()
    yield repr(ends(model, operations)).encode()


def _settings(value: Any) -> Any:
    """A configuration without names, which Keras numbers per process."""
    if isinstance(value, dict):
        left_out = ("name", "trainable", "dtype")
        return sorted((key, _settings(v)) for key, v in value.items() if key not in left_out)
    return [_settings(v) for v in value] if isinstance(value, list | tuple) else repr(value)


def call_of(operation: Any, operations: Sequence[Any]) -> str:
    """What it was called on: the operations that feed it, by number, and all plain arguments."""
    import keras

    def described(argument: Any) -> Any:
        if isinstance(argument, keras.KerasTensor):
            operation, place = producer(argument)
            return ("tensor", operations.index(operation), place)
        if hasattr(argument, "__array__"):  # the repr of a large array is abbreviated
            array = np.ascontiguousarray(argument)
            return (array.shape, array.dtype, digest([array.tobytes()]))
        return argument

    calls = [(call.args, call.kwargs) for call in calls_within(operation, operations)]
    return repr(keras.tree.map_structure(described, calls))


def ends(model: Any, operations: Sequence[Any]) -> list[int]:
    """The operations that give a model's outputs, by number."""
    return [operations.index(producer(output)[0]) for output in model.outputs]

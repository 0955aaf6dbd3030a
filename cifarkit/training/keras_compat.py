"""Everything that relies on Keras' internals, to be checked with each new version of Keras.

`tests/training/test_keras_compat.py` checks each function and names the internals that changed.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

TESTED_VERSIONS = ("3.15.1",)
"""Versions of Keras that passed the whole test suite."""

# Keras imports these if installed, for wrappers, plots and other inputs that trainings do not use.
# They take nearly as long as TensorFlow itself, and 100 MB.
_UNUSED = ("matplotlib", "pandas", "scipy", "sklearn")


def import_keras() -> None:
    """Import Keras and TensorFlow in about half of the time of `import keras`.

    Does nothing if Keras has been imported. Everything can be imported afterwards.
    """
    if "keras" in sys.modules:
        return
    hidden = [name for name in _UNUSED if name not in sys.modules]
    gc.disable()
    try:
        # Importing a module that is None here raises an ImportError, which Keras handles.
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
        # The libraries' objects are permanent; exclude them from garbage collection.
        gc.freeze()
        gc.enable()


def producer(tensor: Any) -> tuple[Any, int]:
    """The operation that produces a symbolic tensor, and the index among its outputs."""
    operation, _, place = tensor._keras_history
    return operation, place


def calls_within(operation: Any, operations: Sequence[Any]) -> list[Any]:
    """The `Arguments` of an operation's calls on outputs of some operations.

    A layer that several models share has calls in each of them.
    """
    return [
        node.arguments
        for node in operation._inbound_nodes
        if all(producer(x)[0] in operations for x in node.input_tensors)
    ]


def flat(model: Any) -> Any:
    """A functional model of the same layers, without functional models nested in it."""
    import keras

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, keras.Function):
            return operation._run_through_graph(args[0], call_fn=call)
        return operation(*args, **kwargs)

    inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in model.inputs]
    return keras.Model(inputs, model._run_through_graph(inputs, call_fn=call))


def nodes_in_order(model: Any) -> list[Any]:
    """The calls of a functional model's operations, each after those that feed it."""
    depths = sorted(model._nodes_by_depth.items(), reverse=True)
    return [node for _, nodes in depths for node in nodes if not node.is_input]


def all_layers(model: Any) -> list[Any]:
    """A model's layers, those of nested models and of layers included."""
    return list(model._flatten_layers(include_self=False))


class _DropPath:
    """KerasHub's layer for stochastic depth in Swin, with the attributes of Dropout."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.variables, self.weights = layer, layer.variables, layer.weights

    @property
    def rate(self) -> float:
        return float(self.layer.drop_prob)

    @rate.setter
    def rate(self, value: float) -> None:
        self.layer.drop_prob = value


def dropouts_of(layer: Any) -> list[Any]:
    """The Dropout and DropPath layers among a layer and those within it, with their `rate`."""
    import keras

    found: list[Any] = []
    for one in (layer, *all_layers(layer)):
        if hasattr(one, "drop_prob"):
            found.append(_DropPath(one))
        elif isinstance(one, keras.layers.Dropout) or type(one).__name__.endswith("DropPath"):
            found.append(one)
    return found


def adam_moments(optimizer: Any, variable: Any) -> tuple[Any, Any]:
    """The Keras variables of Adam's first and second moment of a variable."""
    place = optimizer._get_variable_index(variable)
    return optimizer._momentums[place], optimizer._velocities[place]


def with_rate_factors(optimizer: type[Any], factors: Sequence[float]) -> type[Any]:
    """A class of optimizer with a factor of the learning rate for each variable it is built with.

    Decoupled weight decay, which Keras scales by the learning rate, is scaled with it.
    """

    class WithRateFactors(optimizer):  # type: ignore[misc]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            factor = factors[self._get_variable_index(variable)]
            super().update_step(gradient, variable, learning_rate * factor)

        def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
            if self.weight_decay is None:
                return
            share = self.learning_rate * self.weight_decay
            for variable in variables:
                factor = factors[self._get_variable_index(variable)]
                self.assign_sub(variable, variable * share * factor)

    return WithRateFactors


def replace_call(layer: Any, call: Callable[..., Any]) -> None:
    """Replace a layer's computation, keeping its class and weights."""
    layer.call = call


@contextmanager
def replaced_calls(layers: Sequence[Any], calls: Sequence[Callable[..., Any]]) -> Iterator[None]:
    """Temporarily replace the computation of layers."""
    before = [vars(layer).get("call") for layer in layers]
    for layer, call in zip(layers, calls, strict=True):
        replace_call(layer, call)
    try:
        yield
    finally:
        for layer, old in zip(layers, before, strict=True):
            if old is None:
                del layer.call
            else:
                layer.call = old


@contextmanager
def watched_assignments(note: Callable[[Any, np.ndarray], None]) -> Iterator[None]:
    """Call `note` with each Keras variable that is assigned to, and the values it had before."""
    import keras

    owner = next(parent for parent in keras.Variable.__mro__ if "assign" in vars(parent))
    assign = owner.assign

    def watched(variable: Any, value: Any) -> Any:
        before = np.asarray(variable).copy()
        result = assign(variable, value)
        note(variable, before)
        return result

    owner.assign = watched
    try:
        yield
    finally:
        owner.assign = assign

"""Splits a model where its frozen, deterministic part ends.

The prefix is the part whose outputs for an image are the same in every epoch; the suffix is the
rest. Both are made of the model's own layers, so that training the suffix trains the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cifarkit.training.keras_compat import all_layers, dropouts_of, flat, nodes_in_order


@dataclass(frozen=True)
class GraphSplit:
    """A model in two parts: `suffix(prefix(images))` equals `model(images)`.

    Attributes:
        prefix: From images to the tensors that cross the cut: a list if a residual or dense
            connection crosses it, else one tensor.
        suffix: From these tensors to the model's outputs.
    """

    prefix: Any
    suffix: Any


def cut(model: Any) -> GraphSplit | None:
    """Split a functional model behind its last frozen, deterministic layers.

    Layers without weights (padding, a concatenation) may be left to the suffix, so that fewer
    values cross the cut.

    Returns:
        None if the prefix would have no weights.
    """
    import keras

    whole = flat(model)
    nodes = nodes_in_order(whole)
    producers = {id(output): node for node in nodes for output in node.outputs}
    constant = {id(tensor) for tensor in whole.inputs}
    rest, runs_weights = [], False
    for node in nodes:
        if _is_fixed(node.operation) and all(id(x) in constant for x in node.input_tensors):
            constant.update(id(output) for output in node.outputs)
            runs_weights |= _has_weights(node.operation)
        else:
            rest.append(node)
    if not runs_weights:
        return None

    crossing = _crossing(rest, constant)
    while (moved := _cheaper(rest, constant, crossing, producers)) is not None:
        rest, constant, crossing = moved

    beyond = {id(node) for node in rest}
    inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in crossing]
    known = {id(old): new for old, new in zip(crossing, inputs, strict=True)}
    for node in nodes:
        if id(node) in beyond:
            args, kwargs = node.arguments.fill_in(known)
            made = keras.tree.flatten(node.operation(*args, **kwargs))
            known |= {id(old): new for old, new in zip(node.outputs, made, strict=True)}
    outputs = [known[id(tensor)] for tensor in whole.outputs]
    return GraphSplit(
        prefix=keras.Model(_one_or_all(whole.inputs), _one_or_all(crossing), name="prefix"),
        suffix=keras.Model(_one_or_all(inputs), _one_or_all(outputs), name="suffix"),
    )


def _is_fixed(operation: Any) -> bool:
    """Whether its output for an input is constant throughout a training."""
    from keras import layers

    if not isinstance(operation, layers.Layer):
        return True
    if operation.trainable_variables:
        return False
    if any(
        isinstance(layer, layers.BatchNormalization) and layer.trainable
        for layer in (operation, *all_layers(operation))
    ):
        return False  # normalizes by the batch even without gamma and beta
    drops = dropouts_of(operation)
    # The state of a random generator is a variable but not a weight.
    return not any(drop.rate for drop in drops) and _states(operation) == sum(map(_states, drops))


def _states(layer: Any) -> int:
    return len(layer.variables) - len(layer.weights)


def _has_weights(operation: Any) -> bool:
    return bool(getattr(operation, "weights", ()))


def _crossing(rest: list[Any], constant: set[int]) -> list[Any]:
    """The distinct constant tensors that the rest of the model consumes."""
    taken = [tensor for node in rest for tensor in node.input_tensors]
    return list({id(tensor): tensor for tensor in taken if id(tensor) in constant}.values())


def _cheaper(
    rest: list[Any], constant: set[int], crossing: list[Any], producers: dict[int, Any]
) -> tuple[list[Any], set[int], list[Any]] | None:
    """Move one operation without weights to the rest, if fewer numbers cross the cut then."""
    now = sum(map(_elements, crossing))
    for tensor in crossing:
        node = producers.get(id(tensor))
        if node is None or _has_weights(node.operation):
            continue
        more = [*rest, node]
        less = constant - {id(output) for output in node.outputs}
        through = _crossing(more, less)
        if sum(map(_elements, through)) < now:
            return more, less, through
    return None


def _elements(tensor: Any) -> float:
    """Numbers per image; infinite if the shape leaves it open."""
    return math.prod(math.inf if side is None else side for side in tensor.shape[1:])


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors

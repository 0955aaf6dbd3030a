"""FLOPs of a model whose layers hide their convolutions and matrix products, from its graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def traced_flops(model: keras.Model) -> int | None:
    """FLOPs of a forward pass for one image, from the operations that TensorFlow would run.

    The model is traced for one image, and the convolutions, matrix products and sums of products
    (einsum) of the graph are counted by the shapes of their operands; nothing is run.

    Args:
        model: Of one input with a fixed size.

    Returns:
        None if the graph has loops, branches or shapes that leave the number open.
    """
    import tensorflow as tf

    spec = tf.TensorSpec((1, *model.inputs[0].shape[1:]), model.inputs[0].dtype)
    graph = _graph(lambda x: model(x, training=False), spec)
    total = 0
    for operation in graph.get_operations():
        if operation.type.endswith(("PartitionedCall", "While", "If", "Case")):
            return None
        multiply_adds = _multiply_adds(operation)
        if multiply_adds is None:
            return None
        total += multiply_adds
    return 2 * total


def _graph(run: Callable[[Any], Any], spec: Any) -> Any:
    """The graph of a function, with those that it calls (Keras' grouped convolutions) inlined."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        return tf.compat.v1.wrap_function(run, [spec]).graph
    finally:
        tf.config.run_functions_eagerly(before)


def _multiply_adds(operation: Any) -> int | None:
    """Of one operation; None if they are not known."""
    kind = operation.type
    if kind not in ("Conv2D", "DepthwiseConv2dNative", "Einsum") and "MatMul" not in kind:
        return 0
    shapes = [tensor.shape for tensor in (*operation.inputs, *operation.outputs)]
    if not all(shape.is_fully_defined() for shape in shapes):
        return None
    *operands, output = (shape.as_list() for shape in shapes)
    if kind == "Conv2D":  # kernel (height, width, inputs of a group, outputs)
        return _product(output) * _product(operands[1][:3])
    if kind == "DepthwiseConv2dNative":  # kernel (height, width, inputs, multiplier)
        return _product(output) * _product(operands[1][:2])
    if kind == "Einsum":
        return _einsum(operation.get_attr("equation").decode(), operands)
    if kind in ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        left = operands[0]
        flipped = operation.get_attr("transpose_a" if kind == "MatMul" else "adj_x")
        return _product(output) * int(left[-2 if flipped else -1])
    return None


def _einsum(equation: str, operands: Sequence[Sequence[int]]) -> int | None:
    """The product of all indices' ranges, if two operands are multiplied."""
    if "." in equation or len(operands) > 2:
        return None
    if len(operands) < 2:
        return 0
    ranges: Mapping[str, int] = {
        letter: side
        for letters, sides in zip(equation.split("->")[0].split(","), operands, strict=True)
        for letter, side in zip(letters, sides, strict=True)
    }
    return _product(ranges.values())


def _product(sides: Iterable[int]) -> int:
    return math.prod(map(int, sides))

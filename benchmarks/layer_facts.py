"""Measures the built-in backbones and writes `cifarkit/models/layer_facts.json`."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import keras

from cifarkit.models import layer_facts
from cifarkit.models.layer_facts import LARGEST_SIZE, LayerFacts
from cifarkit.models.registry import get, registry


def of_model(model: keras.Model) -> LayerFacts:
    """The facts of a built backbone, without the sides."""
    weights = []
    for index, layer in enumerate(model.layers):
        layer.trainable = True
        trainable, fixed = _scalars(layer.trainable_weights), _scalars(layer.non_trainable_weights)
        if trainable or fixed:
            is_batchnorm = isinstance(layer, keras.layers.BatchNormalization)
            weights.append((index, trainable, fixed, is_batchnorm))
    return LayerFacts(len(model.layers), tuple(weights))


def _scalars(weights: Iterable[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def output_sides(
    side_of: Callable[[int], int], smallest: int, largest: int = LARGEST_SIZE
) -> tuple[tuple[int, int], ...]:
    """The sizes from `smallest` to `largest` at which the output's side grows, each with that side.

    Args:
        side_of: The output's side for an image side; non-decreasing, and costly. It mostly grows in
            equal steps (by one every 32 pixels), which are guessed and checked.
    """
    found = [(smallest, side_of(smallest))]
    step = 0
    while True:
        start, side = found[-1]
        size = start + step
        if not (step and size <= largest and side_of(size - 1) == side < side_of(size)):
            if side_of(largest) == side:
                return tuple(found)
            size = bisect_right(range(largest), side, lo=start, key=side_of)
        step = size - start
        found.append((size, side_of(size)))


def _encoded(facts: LayerFacts) -> dict[str, Any]:
    return {
        "layers": facts.layers,
        "weights": [[i, t, n, int(b)] for i, t, n, b in facts.weights],
        "sides": [list(pair) for pair in facts.sides],
        "imagenet_layer": facts.imagenet_layer,
    }


def _measured(key: str) -> LayerFacts:
    """Build a backbone, to count its layers and find its output sides."""
    backbone = get(key)

    def build(size: int | None) -> keras.Model:
        keras.backend.clear_session()
        return backbone.build(image_size=size, weights=None, outputs=2, dropout=0.0)

    @cache
    def by_building(size: int) -> int:
        return int(build(size).output_shape[1])

    counted = of_model(build(backbone.min_size))
    if of_model(build(backbone.native_size)) != counted:
        raise ValueError(f"{key}: its layers depend on the image size")
    model = build(None)

    @cache
    def by_shape(size: int) -> int:
        return int(model.compute_output_shape((1, size, size, 3))[1])

    def by_formula(size: int) -> int:
        return math.ceil(size / 32)

    # Fast methods first. The padding of some networks, and NASNet's cells, depend on the size.
    probes = {size: by_building(size) for size in (backbone.min_size, 77, 107, 159, 161)}

    def agrees(side_of: Callable[[int], int]) -> bool:
        try:
            return all(side_of(size) == side for size, side in probes.items())
        except ValueError:
            return False

    side_of = next(way for way in (by_shape, by_formula, by_building) if agrees(way))
    sides = output_sides(side_of, backbone.min_size)
    imagenet_layer = 3 if backbone.family == "EfficientNet" else None
    return LayerFacts(counted.layers, counted.weights, sides, imagenet_layer)


if __name__ == "__main__":
    keys = [key for key, backbone in registry().items() if not backbone.includes_head]
    lines = [
        f"{json.dumps(key)}: {json.dumps(_encoded(_measured(key)), separators=(',', ':'))}"
        for key in keys
    ]
    table = Path(layer_facts.__file__).with_name(layer_facts.TABLE)
    table.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")

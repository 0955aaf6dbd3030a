"""Tabulated layer facts of the backbones, so that a dry run need not build them.

`layer_facts.json` holds the built-in backbones; `python -m cifarkit.models.layer_facts` measures
them and writes the file. Tests compare it with the built models.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

TABLE = "layer_facts.json"
LARGEST_SIZE = 512
"""Output sides are tabulated up to this image side, in pixels."""


@dataclass(frozen=True)
class LayerFacts:
    """Weights and output size of a feature extractor.

    Attributes:
        layers: The number of layers, including the input layer.
        weights: `(index, trainable, non_trainable, is_batchnorm)` of each layer that has weights,
            counted in scalars with nothing frozen.
        sides: `(image_size, output_side)` in pixels: the sizes at which the output's side grows,
            in ascending order; empty if unknown.
        imagenet_layer: The index of a layer without weights that Keras builds only with
            `imagenet` weights, and that `layers` and `weights` do not count: EfficientNet's second
            rescaling. It moves the layers behind it, and so the border of what is frozen.
    """

    layers: int
    weights: tuple[tuple[int, int, int, bool], ...]
    sides: tuple[tuple[int, int], ...] = ()
    imagenet_layer: int | None = None

    def with_weights(self, weights: str) -> LayerFacts:
        """The facts of the network that is built for these weights."""
        extra = self.imagenet_layer
        if weights != "imagenet" or extra is None:
            return self
        moved = tuple((index + (index >= extra), *rest) for index, *rest in self.weights)
        return replace(self, layers=self.layers + 1, weights=moved, imagenet_layer=None)  # type: ignore[arg-type]

    @property
    def total_params(self) -> int:
        return sum(trainable + fixed for _, trainable, fixed, _ in self.weights)

    def trainable_params(self, unfreeze: float, *, batchnorm_frozen: bool) -> int:
        """Trainable parameters if the last `unfreeze` (0..1) of the layers are trained.

        As in `training.model_builder.freeze`, the first `int(layers * (1 - unfreeze))` are frozen.
        """
        frozen = int(self.layers * (1 - unfreeze))
        return sum(
            trainable
            for index, trainable, _, is_batchnorm in self.weights
            if index >= frozen and not (is_batchnorm and batchnorm_frozen)
        )

    def output_side(self, image_size: int) -> int | None:
        """Side of the feature map in pixels; None beyond the tabulated sizes."""
        place = bisect_right(self.sides, (image_size, LARGEST_SIZE)) - 1
        return self.sides[place][1] if place >= 0 and image_size <= LARGEST_SIZE else None


@cache
def table() -> dict[str, LayerFacts]:
    """The tabulated backbones by key."""
    text = resources.files("cifarkit.models").joinpath(TABLE).read_text(encoding="utf-8")
    return {key: _decoded(entry) for key, entry in json.loads(text).items()}


def of_model(model: keras.Model) -> LayerFacts:
    """The facts of a built backbone, without the sides."""
    import keras

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


def _decoded(entry: dict[str, Any]) -> LayerFacts:
    return LayerFacts(
        layers=entry["layers"],
        weights=tuple((i, t, n, bool(b)) for i, t, n, b in entry["weights"]),
        sides=tuple((size, side) for size, side in entry["sides"]),
        imagenet_layer=entry["imagenet_layer"],
    )


def _encoded(facts: LayerFacts) -> dict[str, Any]:
    return {
        "layers": facts.layers,
        "weights": [[i, t, n, int(b)] for i, t, n, b in facts.weights],
        "sides": [list(pair) for pair in facts.sides],
        "imagenet_layer": facts.imagenet_layer,
    }


def _measured(key: str) -> LayerFacts:
    """Build a backbone, to count its layers and find its output sides."""
    import keras

    from cifarkit.models.registry import get

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


def write_table(keys: Iterable[str], path: str) -> None:
    """Measure backbones and write the table."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(_encoded(_measured(key)), separators=(',', ':'))}"
        for key in keys
    ]
    with open(path, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    from cifarkit.models.registry import registry

    write_table(
        (key for key, backbone in registry().items() if not backbone.includes_head),
        str(resources.files("cifarkit.models").joinpath(TABLE)),
    )

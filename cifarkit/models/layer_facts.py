"""Tabulated layer facts of the backbones, so that a dry run need not build them.

`layer_facts.json` holds the built-in backbones; `python -m benchmarks.layer_facts` measures them
and writes the file. Tests compare it with the built models.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

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


def _decoded(entry: dict[str, Any]) -> LayerFacts:
    return LayerFacts(
        layers=entry["layers"],
        weights=tuple((i, t, n, bool(b)) for i, t, n, b in entry["weights"]),
        sides=tuple((size, side) for size, side in entry["sides"]),
        imagenet_layer=entry["imagenet_layer"],
    )

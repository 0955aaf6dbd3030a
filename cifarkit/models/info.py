"""The facts of a backbone that are known before it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any, Literal

from cifarkit.errors import InvalidInput
from cifarkit.models.hub_presets import PREFIX
from cifarkit.models.weight_sets import WeightSet
from cifarkit.models.weights_package import WeightsPackage
from cifarkit.text import listed

Preprocessing = Literal["caffe", "tf", "torch", "unit", "none"]
INPUT_RANGES: dict[Preprocessing, str] = {
    "caffe": "0..255 less means, BGR",
    "tf": "-1..1",
    "torch": "0..1, standardized",
    "unit": "0..1",
    "none": "0..255",
}
"""What the preprocessing layers put out, by their name."""


@dataclass(frozen=True)
class Rescale:
    """Preprocessing of its own: RGB images in 0..255 times `scale` plus `offset`, by channel."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    @property
    def input_range(self) -> str:
        """What it puts out, over all channels."""
        pairs = list(zip(self.scale, self.offset, strict=True))
        ends = [edge * scale + offset for edge in (0, 255) for scale, offset in pairs]
        return f"{min(ends):.3g}..{max(ends):.3g}"


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network: its facts and the function that builds it.

    Attributes:
        key: The name on the command line: lower case, no spaces (`densenet201`).
        name: The name in tables (`DenseNet201`).
        family: The architecture's family (`DenseNet`).
        paper: Authors, title and year of the paper that describes it.
        build: `build(image_size=, weights=, outputs=, dropout=)` returns a Keras model. A
            pretrained backbone ignores `outputs` and `dropout` and returns a functional feature
            extractor of images `(n, s, s, 3)`: a map `(n, h, w, features)`, tokens
            `(n, tokens, features)`, or pooled features `(n, features)`. A network with
            `includes_head=True` returns logits, `(n, outputs)`. It imports Keras in its body.
            `weights` is one of `weight_sets`, or None for random initialization. Weights are
            loaded through Keras (`load_weights`, `set_weights`, `assign`); a trial fails if
            loading changes no weight. A layer of a type that `profiling.flops` does not count
            has an attribute `flops_per_image`, an int.
        preprocessing: Applied to RGB images in 0..255: `caffe` (BGR, ImageNet means subtracted),
            `tf` (-1..1), `torch` (0..1, then ImageNet mean and standard deviation), `unit`
            (0..1), `none` (the network's own layers do it); or a `Rescale`.
        min_size: The smallest supported image side, in pixels.
        max_size: The largest; None for no limit.
        size_step: The side is a multiple of it (of a patch), in pixels.
        native_size: The image side that it was designed for, in pixels.
        features: The width of its features (of its last hidden layer if `includes_head`); 0 if it
            is not known before it is built.
        weight_sets: Published weights, besides `none`: a `WeightSet` with what is known of them, or
            only a name.
        weights_file, weights_sizes, weights_package: `file`, `sizes` and `package` of an `imagenet`
            that is given as a name.
        includes_head: True for a network with its own head, trained from scratch (LeNet).
        uses_dropout: Whether the `dropout` setting applies.
        uses_batchnorm: Whether it has BatchNormalization.
        count: For a network with its own head, a function of `(image_size, outputs)`: parameters
            and output elements per image of all layers, for dry runs.
        pooling: Of the `standard` head: `average` over positions or tokens, or `class_token`, the
            first token.
        head: `standard` (Dropout, pooling, Dense); `xception`, the published study's; or a function
            `head(features, outputs=, dropout=)` from the symbolic features to logits, pooling
            included.
        head_uses_batchnorm: Whether a head of its own has BatchNormalization.
        blocks: For a network of blocks whose layers mean nothing to a reader: a function from the
            built model to its layers in blocks, from the input on. `unfreeze` counts these then.
        files: Paths of files that it is built from, besides weights; a result has their hashes.
        note: A remark for readers of its results (for instance, that it replaces another network).
    """

    key: str
    name: str
    family: str
    paper: str
    build: Callable[..., Any]
    preprocessing: Preprocessing | Rescale
    min_size: int
    max_size: int | None = None
    size_step: int = 1
    native_size: int
    features: int
    weight_sets: tuple[WeightSet | str, ...] = ("imagenet",)
    weights_file: str | None = None
    weights_sizes: tuple[int, ...] = ()
    weights_package: WeightsPackage | None = None
    includes_head: bool = False
    uses_dropout: bool = True
    uses_batchnorm: bool = True
    count: Callable[[int, int], tuple[int, int]] | None = None
    pooling: Literal["average", "class_token"] = "average"
    head: Literal["standard", "xception"] | Callable[..., Any] = "standard"
    head_uses_batchnorm: bool = False
    blocks: Callable[[Any], list[list[Any]]] | None = None
    files: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        own = self.key.startswith(PREFIX)  # a preset's name, or a path
        if not own and (self.key != self.key.lower() or not self.key.replace("_", "").isalnum()):
            raise InvalidInput(f"a backbone's key is lower-case letters and digits: {self.key!r}")

    @cached_property
    def published_weights(self) -> dict[str, WeightSet]:
        """The weight sets by name, with their input ranges."""
        return {known.name: known for known in map(self._weight_set, self.weight_sets)}

    def _weight_set(self, given: WeightSet | str) -> WeightSet:
        if given == "imagenet":
            given = WeightSet(
                name="imagenet",
                file=self.weights_file or "",
                sizes=self.weights_sizes,
                package=self.weights_package,
            )
        known = WeightSet(name=given) if isinstance(given, str) else given
        if isinstance(self.preprocessing, Rescale):
            own = self.preprocessing.input_range
        else:
            own = INPUT_RANGES[self.preprocessing]
        return replace(known, input_range=known.input_range or own)

    @property
    def default_weights(self) -> str:
        """The name of the weights that it starts from if none are named."""
        names = tuple(self.published_weights)
        return "imagenet" if "imagenet" in names or not names else names[0]

    def size_fault(self, size: float) -> str:
        """Why it does not take images of this side, in pixels; empty if it does."""
        if self.max_size == self.min_size != size:
            return f"takes {self.min_size} pixels only (its positions are not resized)"
        if size < self.min_size:
            return f"takes {self.min_size} pixels or more"
        if self.max_size is not None and size > self.max_size:
            return f"takes {self.max_size} pixels or fewer"
        if self.size_step > 1 and isfinite(size) and (over := size % self.size_step):
            below = int(size - over)
            near = [side for side in (below, below + self.size_step) if side >= self.min_size]
            return f"takes multiples of {self.size_step} pixels ({listed(map(str, near), 'or')})"
        return ""

    def trains_batchnorm(self, unfreeze: float) -> bool:
        """Whether BatchNormalization is trained if this fraction of the layers is."""
        trained = self.uses_batchnorm and (self.includes_head or unfreeze > 0)
        return trained or self.head == "xception" or self.head_uses_batchnorm

"""The facts of a backbone that are known before it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cifarkit.errors import InvalidInput
from cifarkit.models.weights_package import WeightsPackage

Preprocessing = Literal["caffe", "tf", "torch", "unit", "none"]


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network: its facts and the function that builds it.

    Attributes:
        key: The name on the command line: lower case, no spaces (`densenet201`).
        name: The name in tables (`DenseNet201`).
        family: The architecture's family (`DenseNet`).
        paper: Authors, title and year of the paper that describes it.
        build: `build(image_size=, weights=, outputs=, dropout=)` returns a Keras model. A
            pretrained backbone ignores `outputs` and `dropout` and returns a feature extractor,
            `(n, s, s, 3) -> (n, h, w, features)`; a network with `includes_head=True` returns
            logits, `(n, outputs)`. It imports Keras in its body. `weights` is one of
            `weight_sets`, or None for random initialization. Weights are loaded through Keras
            (`load_weights`, `set_weights`, `assign`); a trial fails if loading changes no
            weight.
        preprocessing: Applied to RGB images in 0..255: `caffe` (BGR, ImageNet means subtracted),
            `tf` (-1..1), `torch` (0..1, then ImageNet mean and standard deviation), `unit`
            (0..1), `none` (part of the network).
        min_size: The smallest supported image side, in pixels.
        native_size: The image side that it was designed for, in pixels.
        features: The width of its last feature map (of its last hidden layer if `includes_head`).
        weight_sets: The names of published weights, besides `none`.
        weights_file: The file that Keras downloads for `imagenet`, looked for in its `models`
            cache; `{size}` stands for the size that `weights_size` gives. None if there is none.
        weights_package: The installed package that has the `imagenet` weights instead.
        weights_sizes: Image sizes that have their own weights (MobileNet v1 and v2).
        includes_head: True for a network with its own head, trained from scratch (LeNet).
        uses_dropout: Whether the `dropout` setting applies.
        uses_batchnorm: Whether it has BatchNormalization.
        count: For a network with its own head, a function of `(image_size, outputs)`: parameters
            and output elements per image of all layers, for dry runs.
        head: `standard` (Dropout, pooling, Dense), or `xception`, the published study's.
        note: A remark for readers of its results (for instance, that it replaces another network).
    """

    key: str
    name: str
    family: str
    paper: str
    build: Callable[..., Any]
    preprocessing: Preprocessing
    min_size: int
    native_size: int
    features: int
    weight_sets: tuple[str, ...] = ("imagenet",)
    weights_file: str | None = None
    weights_sizes: tuple[int, ...] = ()
    weights_package: WeightsPackage | None = None
    includes_head: bool = False
    uses_dropout: bool = True
    uses_batchnorm: bool = True
    count: Callable[[int, int], tuple[int, int]] | None = None
    head: Literal["standard", "xception"] = "standard"
    note: str = ""

    def __post_init__(self) -> None:
        if self.key != self.key.lower() or not self.key.replace("_", "").isalnum():
            raise InvalidInput(f"a backbone's key is lower-case letters and digits: {self.key!r}")

    def trains_batchnorm(self, unfreeze: float) -> bool:
        """Whether BatchNormalization is trained if this fraction of the layers is."""
        trained = self.uses_batchnorm and (self.includes_head or unfreeze > 0)
        return trained or self.head == "xception"  # this head has one

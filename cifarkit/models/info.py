"""What is known of one backbone before it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cifarkit.errors import InvalidInput

Preprocessing = Literal["caffe", "tf", "torch", "unit", "none"]


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """Facts of one network, and the function that builds it.

    Attributes:
        key: The name on the command line: lower case, no spaces (`densenet201`).
        name: The name in tables (`DenseNet201`).
        family: The architecture's family (`DenseNet`).
        paper: Authors, title and year of the paper that describes it.
        build: `build(image_size=, weights=, outputs=, dropout=)` returns a Keras model. A
            pretrained backbone ignores `outputs` and `dropout` and returns a feature extractor,
            `(n, s, s, 3) -> (n, h, w, features)`; a network with `includes_head=True` returns
            logits, `(n, outputs)`. It imports Keras in its body. `weights` is one of
            `weight_sets`, or None for random initialization; it loads them by Keras' own means
            (`load_weights`, `set_weights`, `assign`), and a trial whose weights it leaves as they
            were fails.
        preprocessing: What the network expects of an RGB image in 0..255: `caffe` (BGR, ImageNet
            means subtracted), `tf` (-1..1), `torch` (0..1, then ImageNet mean and deviation),
            `unit` (0..1), `none` (it does its own).
        min_size: The smallest image side that it takes, in pixels.
        native_size: The image side that it was made for, in pixels.
        features: The width of its last feature map (of its last hidden layer if `includes_head`).
        weight_sets: The names of published weights, besides `none`.
        weights_file: The file that Keras downloads for `imagenet`, looked for in its `models`
            cache; `{size}` stands for the size that `weights_size` gives. None if there is none.
        weights_sizes: Image sizes that have their own weights (MobileNet v1 and v2).
        includes_head: True for a network with its own head, trained from scratch (LeNet).
        uses_dropout: Whether the `dropout` setting means anything to it.
        uses_batchnorm: Whether it has BatchNormalization.
        count: For a network with its own head: its parameters and the output elements per image of
            all its layers, by `(image_size, outputs)`, so that a dry run need not build it.
        head: `standard` (Dropout, pooling, Dense), or `xception`, the published study's.
        note: What a reader of its row must know (that it stands in for another network, say).
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
        """Whether BatchNormalization is trained where that fraction of the layers is."""
        trained = self.uses_batchnorm and (self.includes_head or unfreeze > 0)
        return trained or self.head == "xception"  # a head with one of its own

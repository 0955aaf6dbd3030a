"""What is known of every backbone before it is built, and how it is found by name.

Nothing here imports TensorFlow: a spec is checked against these facts, and `cifarkit zoo --list`
shows them. Tests hold every fact against the built model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal

from cifarkit.errors import InvalidInput, unknown

ENTRY_POINT_GROUP = "cifarkit.backbones"

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
            `(n, s, s, 3) -> (n, h, w, features)`; a network with `whole=True` returns logits,
            `(n, outputs)`. It imports Keras in its body. `weights` is `"imagenet"` or None.
        preprocessing: What the network expects of an RGB image in 0..255: `caffe` (BGR, ImageNet
            means subtracted), `tf` (-1..1), `torch` (0..1, then ImageNet mean and deviation),
            `unit` (0..1), `none` (it does its own).
        min_size: The smallest image side that it takes, in pixels.
        native_size: The image side that it was made for, in pixels.
        features: The width of its last feature map (of its last hidden layer if `whole`).
        weight_sets: The names of published weights, besides `none`.
        weights_file: The file that Keras downloads for `imagenet`, looked for in its `models`
            cache; `{size}` stands for the size that `weights_size` gives. None if there is none.
        weights_sizes: Image sizes that have their own weights (MobileNet v1 and v2).
        whole: True for a network with its own head, trained from scratch (LeNet).
        uses_dropout: Whether the `dropout` setting means anything to it.
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
    whole: bool = False
    uses_dropout: bool = True
    head: Literal["standard", "xception"] = "standard"
    note: str = ""

    def __post_init__(self) -> None:
        if self.key != self.key.lower() or not self.key.replace("_", "").isalnum():
            raise InvalidInput(f"a backbone's key is lower-case letters and digits: {self.key!r}")


STUDY: tuple[str, ...] = (
    "simple_cnn",
    "custom_cnn",
    "lenet",
    "vgg16",
    "xception",
    "efficientnetb7",
    "resnet50",
    "resnet152v2",
    "densenet121",
    "densenet169",
    "densenet201",
    "mobilenetv2",
    "inceptionv3",
)
"""The thirteen networks of the published study, in the order of its Table 1."""


@cache
def registry() -> dict[str, Backbone]:
    """Every known backbone by key: the study's, other small ones, the rest of
    Keras', then third parties'.

    A third party registers under the entry-point group `cifarkit.backbones` an object that is a
    `Backbone` or an iterable of them.

    Raises:
        InvalidInput: A plug-in gave something else, or a key that is taken.
    """
    from cifarkit.backbones.applications import APPLICATIONS
    from cifarkit.backbones.resnet_cifar import CIFAR_RESNETS
    from cifarkit.backbones.scratch import SCRATCH

    ours = {backbone.key: backbone for backbone in (*SCRATCH, *CIFAR_RESNETS, *APPLICATIONS)}
    found = {key: ours.pop(key) for key in STUDY} | ours
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        loaded = point.load()
        for backbone in [loaded] if isinstance(loaded, Backbone) else list(loaded):
            if not isinstance(backbone, Backbone):
                raise InvalidInput(f"plug-in {point.name!r} gave {backbone!r}, not a Backbone")
            if backbone.key in found:
                raise InvalidInput(f"plug-in {point.name!r}: {backbone.key!r} is taken")
            found[backbone.key] = backbone
    return found


def get(key: str) -> Backbone:
    """The backbone of that key; letters' case does not matter.

    Raises:
        InvalidInput: There is none; the message names the nearest.
    """
    found = registry().get(key.lower())
    if found is None:
        raise unknown("model", key, registry())
    return found


def weights_size(backbone: Backbone, image_size: int) -> int:
    """The image side, in pixels, for which the ImageNet weights of a build were trained.

    Keras takes the file of just that size where there is one (MobileNet v1 and v2), and else the
    one of the native size.
    """
    return image_size if image_size in backbone.weights_sizes else backbone.native_size


def imagenet_file(backbone: Backbone, image_size: int) -> str | None:
    """The name of the weights file that Keras loads for `imagenet`; None if there is none."""
    if backbone.weights_file is None:
        return None
    return backbone.weights_file.format(size=weights_size(backbone, image_size))

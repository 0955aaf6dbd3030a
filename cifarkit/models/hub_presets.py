"""KerasHub's presets of image backbones, read from its own registry without importing it.

Importing `keras_hub` takes seconds and imports TensorFlow. Its registry is a literal in a file for
each architecture, `keras_hub/src/models/*/*_presets.py`, which is parsed instead;
`tests/models/test_hub_presets.py` compares what is read with what KerasHub registers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from cifarkit.errors import InvalidInput

PREFIX = "hub:"
"""In front of a preset's name, or of the folder of one, where a network is named."""
NO_HUB = "KerasHub is not installed: pip install 'cifarkit[hub]'"


@dataclass(frozen=True, kw_only=True)
class Family:
    """Presets of one architecture.

    Attributes:
        module: The name of its module in KerasHub.
        backbone: The class of its backbones.
        name: Of the architecture, in tables.
        paper: Authors, title and year of the paper that describes it.
        sizes: The image sides that it takes: the one that its positions or windows are made for,
            multiples of its patch's side, or any.
        patch: That side, in pixels.
        native_size: Of presets whose name does not say it, in pixels.
        class_token: Whether the first of its tokens stands for the image.
        batchnorm: Whether it has BatchNormalization.
    """

    module: str
    backbone: str
    name: str
    paper: str
    sizes: Literal["one", "patches", "any"] = "any"
    patch: int = 1
    native_size: int = 224
    class_token: bool = False
    batchnorm: bool = True


def _transformer(*names: str, **facts: Any) -> Family:
    module, backbone, name, paper = names
    defaults: dict[str, Any] = {"sizes": "one", "batchnorm": False, "class_token": True}
    return Family(module=module, backbone=backbone, name=name, paper=paper, **(defaults | facts))


def _convolutional(module: str, backbone: str, name: str, paper: str) -> Family:
    return Family(module=module, backbone=backbone, name=name, paper=paper)


FAMILIES: tuple[Family, ...] = (
    _transformer(
        "vit",
        "ViTBackbone",
        "ViT",
        "Dosovitskiy et al., An Image Is Worth 16x16 Words: Transformers for Image Recognition at "
        "Scale, 2021",
    ),
    _transformer(
        "deit",
        "DeiTBackbone",
        "DeiT",
        "Touvron et al., Training Data-Efficient Image Transformers & Distillation through "
        "Attention, 2021",
    ),
    _transformer(
        "swin_transformer",
        "SwinTransformerBackbone",
        "Swin",
        "Liu et al., Swin Transformer: Hierarchical Vision Transformer Using Shifted Windows, 2021",
        class_token=False,
    ),
    _transformer(
        "dinov2",
        "DINOV2Backbone",
        "DINOv2",
        "Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, 2023",
        sizes="patches",
        patch=14,
        native_size=518,
    ),
    _transformer(
        "dinov3",
        "DINOV3Backbone",
        "DINOv3",
        "Siméoni et al., DINOv3, 2025",
        sizes="patches",
        patch=16,
    ),
    _transformer(
        "siglip",
        "SigLIPBackbone",
        "SigLIP",
        "Zhai et al., Sigmoid Loss for Language Image Pre-Training, 2023",
        class_token=False,
    ),
    _transformer(
        "clip",
        "CLIPBackbone",
        "CLIP",
        "Radford et al., Learning Transferable Visual Models from Natural Language Supervision, "
        "2021",
    ),
    _transformer(
        "mit",
        "MiTBackbone",
        "MiT",
        "Xie et al., SegFormer: Simple and Efficient Design for Semantic Segmentation with "
        "Transformers, 2021",
        sizes="patches",
        patch=32,
        class_token=False,
    ),
    _convolutional(
        "resnet",
        "ResNetBackbone",
        "ResNet",
        "He et al., Deep Residual Learning for Image Recognition, 2016",
    ),
    _convolutional(
        "densenet",
        "DenseNetBackbone",
        "DenseNet",
        "Huang et al., Densely Connected Convolutional Networks, 2017",
    ),
    _convolutional(
        "efficientnet",
        "EfficientNetBackbone",
        "EfficientNet",
        "Tan & Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019",
    ),
    _convolutional(
        "mobilenet",
        "MobileNetBackbone",
        "MobileNetV3",
        "Howard et al., Searching for MobileNetV3, 2019",
    ),
    _convolutional(
        "cspnet",
        "CSPNetBackbone",
        "CSPNet",
        "Wang et al., CSPNet: A New Backbone That Can Enhance Learning Capability of CNN, 2020",
    ),
    Family(
        module="vgg",
        backbone="VGGBackbone",
        name="VGG",
        paper="Simonyan & Zisserman, Very Deep Convolutional Networks for Large-Scale Image "
        "Recognition, 2015",
        batchnorm=False,
    ),
    _convolutional(
        "xception",
        "XceptionBackbone",
        "Xception",
        "Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2017",
    ),
)
"""The architectures that are known here: tests build each of them."""

SMALLEST_SIZE = 32
"""Of networks that take any size, in pixels: they halve it five times."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A preset as KerasHub's registry has it.

    Attributes:
        handle: Where it is kept at Kaggle: owner, model, framework, variation and version.
        parameters: Of the backbone; of SigLIP and CLIP with that of texts.
        licence: As the registry states it; empty where it does not.
    """

    name: str
    family: Family
    handle: str
    description: str
    parameters: int | None
    licence: str

    @property
    def stands_for(self) -> str:
        """The preset whose files it has. KerasHub 0.32 gives three of them those of another."""
        return self.handle.split("/")[3]

    @property
    def native_size(self) -> int:
        """In pixels, by its name or its family."""
        found = re.findall(r"_(\d{3})(?=_|$)", self.name) if self.family.sizes == "one" else []
        return int(found[-1]) if found else self.family.native_size

    @property
    def sizes(self) -> str:
        """The image sides that it takes, for readers."""
        match self.family.sizes:
            case "one":
                return f"{self.native_size}"
            case "patches":
                return f"multiples of {self.family.patch}"
            case _:
                return f"from {SMALLEST_SIZE}"

    @property
    def source(self) -> str:
        return f"https://www.kaggle.com/models/{self.handle}"


def installed() -> bool:
    return find_spec("keras_hub") is not None


def hub_package() -> str:
    """`keras-hub` and its version."""
    return f"keras-hub {version('keras-hub')}"


@cache
def entries() -> Mapping[str, Entry]:
    """All presets of the known architectures by name.

    Raises:
        InvalidInput: KerasHub is not installed, or keeps its registry elsewhere.
    """
    spec = find_spec("keras_hub")
    if spec is None or not spec.submodule_search_locations:
        raise InvalidInput(NO_HUB)
    models = Path(spec.submodule_search_locations[0]) / "src" / "models"
    found: dict[str, Entry] = {}
    for family in FAMILIES:
        file = models / family.module / f"{family.module}_presets.py"
        try:
            for name, facts in _literals(ast.parse(file.read_text(encoding="utf-8"))):
                found[name] = _entry(name, family, facts)
        except (OSError, SyntaxError, KeyError) as error:
            raise InvalidInput(
                f"the presets of {hub_package()} cannot be read from {file} ({error!r}); "
                "cifarkit knows keras-hub 0.32: pip install 'keras-hub==0.32.*'"
            ) from None
    return found


def _literals(module: ast.Module) -> Iterator[tuple[str, dict[str, Any]]]:
    """The presets among the dictionaries that a module assigns."""
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            try:
                value = ast.literal_eval(statement.value)
            except ValueError:  # made of the others
                continue
            yield from ((name, one) for name, one in value.items() if "kaggle_handle" in one)


def _entry(name: str, family: Family, facts: Mapping[str, Any]) -> Entry:
    metadata = facts["metadata"]
    return Entry(
        name=name,
        family=family,
        handle=facts["kaggle_handle"].removeprefix("kaggle://"),
        description=" ".join(metadata.get("description", "").split()),
        parameters=metadata.get("params"),
        licence=metadata.get("license", ""),
    )

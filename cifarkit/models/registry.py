"""Looks up backbones by key: facts that are known before a network is built.

Imports no TensorFlow: settings are checked against these facts, and `cifarkit zoo --list` shows
them. Tests compare every fact with the built model.
"""

from __future__ import annotations

from functools import cache
from typing import get_type_hints

from cifarkit.errors import InvalidInput, unknown
from cifarkit.models.applications import APPLICATIONS
from cifarkit.models.cifar_resnets import CIFAR_RESNETS
from cifarkit.models.efficientnet_lite import EFFICIENTNET_LITE0
from cifarkit.models.hub import backbone as hub_backbone
from cifarkit.models.hub_presets import PREFIX, hub_package, installed
from cifarkit.models.info import Backbone
from cifarkit.models.small_cnns import SCRATCH
from cifarkit.plugins import load_plugins

ENTRY_POINT_GROUP = "cifarkit.backbones"

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

_PACKAGES: dict[str, str] = {}
"""Package name and version by key; filled when the plug-ins are loaded."""


@cache
def registry() -> dict[str, Backbone]:
    """All backbones by key: the published study's, the other built-in ones, then plug-ins'.

    A package registers a `Backbone`, or an iterable of them, under the entry-point group
    `cifarkit.backbones`. A plug-in that cannot be imported, gives something else, or uses a key
    that is taken is named in a logged warning and left out.
    """
    built_in = (*SCRATCH, *CIFAR_RESNETS, EFFICIENTNET_LITE0, *APPLICATIONS)
    ours = {backbone.key: backbone for backbone in built_in}
    found = {key: ours.pop(key) for key in STUDY} | ours

    def accept(_: str, loaded: object, package: str) -> None:
        given = [loaded] if isinstance(loaded, Backbone) else list(loaded)  # type: ignore[call-overload]
        checked = {one.key: one for one in map(check_facts, given)}
        if taken := sorted(checked.keys() & found.keys()):
            raise InvalidInput(f"{taken[0]!r} is taken")
        found.update(checked)
        _PACKAGES.update(dict.fromkeys(checked, package))

    load_plugins(ENTRY_POINT_GROUP, accept)
    return found


def check_facts(backbone: object) -> Backbone:
    """Check that a plug-in's object is a backbone and that its facts have the right types.

    Raises:
        InvalidInput: It is not, or they have not.
    """
    if not isinstance(backbone, Backbone):
        raise InvalidInput(f"it gave {str(backbone)[:80]!r}, not a Backbone")
    from pydantic import TypeAdapter, ValidationError

    for name, kind in get_type_hints(Backbone).items():
        try:
            TypeAdapter(kind).validate_python(getattr(backbone, name), strict=True)
        except ValidationError as error:
            raise InvalidInput(f"{backbone.key}: {name}: {error.errors()[0]['msg']}") from None
    if len(backbone.published_weights) < len(backbone.weight_sets):
        raise InvalidInput(f"{backbone.key}: weight_sets: a name occurs twice")
    return backbone


def trains_batchnorm(key: str, unfreeze: float) -> bool:
    """Whether a network trains BatchNormalization at this depth; True if it is not installed."""
    facts = find(key)
    return facts is None or facts.trains_batchnorm(unfreeze)


def find(key: str) -> Backbone | None:
    """The backbone of a key that a record has; None if it is not installed, or not there."""
    try:
        return hub_backbone(key) if key.startswith(PREFIX) else registry().get(key)
    except InvalidInput:
        return None


def package_of(key: str) -> str:
    """Name and version of the package that a network is from; empty if it is built in."""
    if key.startswith(PREFIX):
        return hub_package() if installed() else ""
    registry()
    return _PACKAGES.get(key, "")


def get(key: str) -> Backbone:
    """The backbone of that key; upper and lower case are the same, except behind `hub:`.

    Raises:
        UnknownBackbone: There is none; the message suggests the nearest key.
        InvalidInput: There is no such preset of KerasHub, or it cannot be used.
    """
    key = str(key)  # a study file may have a number there
    if key.startswith(PREFIX):
        return hub_backbone(key)
    found = registry().get(key.lower())
    if found is None:
        raise UnknownBackbone(key)
    return found


class UnknownBackbone(InvalidInput):
    """There is no network of that key.

    Attributes:
        key: The requested key.
    """

    def __init__(self, key: str) -> None:
        super().__init__(
            f"{unknown('model', key, registry())}; another package's network needs that package "
            "installed"
        )
        self.key = key

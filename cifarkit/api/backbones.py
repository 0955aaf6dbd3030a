"""The table of available networks."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from cifarkit.errors import InvalidInput
from cifarkit.models import layer_facts
from cifarkit.models.hub_presets import PREFIX, entries
from cifarkit.models.info import Backbone
from cifarkit.models.registry import STUDY, registry

if TYPE_CHECKING:
    import pandas as pd

Known = TypeVar("Known")

CLASSES = 100
"""For which the parameters of networks with a head of their own are listed."""


def list_backbones(filter: str = "") -> pd.DataFrame:
    """Every known network, or those that match a filter.

    Args:
        filter: A part of the key, `"resnet"`, or a pattern for the whole key with `*`, `?` or
            `[...]`, `"resnet*"`. Case is ignored.

    Returns:
        A row per network, by key: `name`, `published` (whether it is one of the published
        study's), `min_size` and `native_size` (pixels), `features` (of the last layer before the
        head), `parameters` (without the head; of a network with a head of its own with that, for
        100 classes at its native size; missing for a plug-in's), `weights` (names of its weights,
        comma-separated; `list_weights` says more about them) and `paper`.

    Raises:
        InvalidInput: No network matches.
    """
    import pandas as pd

    rows = [
        {
            "key": backbone.key,
            "name": backbone.name,
            "published": backbone.key in STUDY,
            "min_size": backbone.min_size,
            "native_size": backbone.native_size,
            "features": backbone.features,
            "parameters": parameters(backbone),
            "weights": ", ".join(backbone.published_weights),
            "paper": backbone.paper,
        }
        for backbone in matching(filter)
    ]
    return pd.DataFrame(rows).set_index("key").astype({"parameters": "Int64"})


def list_weights(filter: str = "") -> pd.DataFrame:
    """The published weights of every known network, or of those that match a filter.

    Args:
        filter: As of `list_backbones`.

    Returns:
        A row per network and weight set, by their `key` and `weights` (the name that `weights=`
        takes): `top1` (published ImageNet top-1 accuracy, 0..1), `top1_source`, `size_mb` (of the
        file, in 10^6 bytes, where it is published), `licence`, `input_range` (of the images that
        the network takes), `published_hash` (`sha256:` or `md5:` and hexadecimal digits) and
        `source`. Texts are empty, and numbers missing, where nothing is known. `{size}` in a
        source is the image side in pixels.

    Raises:
        InvalidInput: No network matches.
    """
    import pandas as pd

    columns = ("top1", "top1_source", "size_mb", "licence", "input_range", "published_hash",
               "source")  # fmt: skip
    rows = [
        {"key": backbone.key, "weights": name}
        | {column: getattr(known, column) for column in columns}
        for backbone in matching(filter)
        for name, known in backbone.published_weights.items()
    ]
    frame = pd.DataFrame(rows, columns=["key", "weights", *columns]).set_index(["key", "weights"])
    return frame.astype({"top1": float, "size_mb": float})


def list_hub_presets(filter: str = "") -> pd.DataFrame:
    """The presets of image backbones in the registry of the installed KerasHub; downloads nothing.

    Args:
        filter: As of `list_backbones`, for the names of presets.

    Returns:
        A row per preset, by `key` (`hub:` and its name, which `models` takes): `family`,
        `parameters` (of the backbone, by the registry; of SigLIP and CLIP, with that of texts,
        which is not trained), `sizes` (the image sides that it takes, in pixels), `licence` (empty
        where the registry states none, as KerasHub 0.32 does of all), `source` (an address),
        `description` and `paper`.

    Raises:
        InvalidInput: KerasHub is not installed, or no preset matches.
    """
    import pandas as pd

    presets = _matching(filter.removeprefix(PREFIX), entries(), "list_hub_presets")
    rows = [
        {
            "key": f"{PREFIX}{preset.name}",
            "family": preset.family.name,
            "parameters": preset.parameters,
            "sizes": preset.sizes,
            "licence": preset.licence,
            "source": preset.source,
            "description": preset.description,
            "paper": preset.family.paper,
        }
        for preset in presets
    ]
    return pd.DataFrame(rows).set_index("key").astype({"parameters": "Int64"})


def parameters(backbone: Backbone) -> int | None:
    """See `list_backbones`; None if they are not known before it is built."""
    if backbone.count is not None:
        return backbone.count(backbone.native_size, CLASSES)[0]
    facts = layer_facts.table().get(backbone.key)
    return None if facts is None else facts.total_params


def matching(filter: str) -> list[Backbone]:
    """The networks that match a filter of `list_backbones`.

    Raises:
        InvalidInput: There are none; the message names the nearest.
    """
    return _matching(filter, registry(), "list_backbones")


def _matching(filter: str, known: Mapping[str, Known], function: str) -> list[Known]:
    wanted = filter.lower()
    pattern = wanted if any(letter in wanted for letter in "*?[") else f"*{wanted}*"
    found = [one for key, one in known.items() if fnmatchcase(key.lower(), pattern)]
    if not found:
        near = ", ".join(get_close_matches(wanted.strip("*"), known, n=5, cutoff=0.5)) or "none"
        raise InvalidInput(
            f"filter: no network's key matches {filter!r}; similar keys: {near}; {function}() has "
            "all"
        )
    return found

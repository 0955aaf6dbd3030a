"""The table of available networks."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cifarkit.errors import InvalidInput
from cifarkit.models.info import Backbone
from cifarkit.models.registry import STUDY, registry

if TYPE_CHECKING:
    import pandas as pd


def list_backbones(filter: str = "") -> pd.DataFrame:
    """Every known network, or those that match a filter.

    Args:
        filter: A part of the key, `"resnet"`, or a pattern for the whole key with `*`, `?` or
            `[...]`, `"resnet*"`. Case is ignored.

    Returns:
        A row per network, by key: `name`, `published` (whether it is one of the published
        study's), `min_size` and `native_size` (pixels), `features` (of the last layer before the
        head), `weights` (names of its weights, comma-separated) and `paper`.

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
            "weights": ", ".join(backbone.weight_sets),
            "paper": backbone.paper,
        }
        for backbone in matching(filter)
    ]
    return pd.DataFrame(rows).set_index("key")


def matching(filter: str) -> list[Backbone]:
    """The networks that match a filter of `list_backbones`.

    Raises:
        InvalidInput: There are none; the message names the nearest.
    """
    wanted, known = filter.lower(), registry()
    pattern = wanted if any(letter in wanted for letter in "*?[") else f"*{wanted}*"
    found = [backbone for key, backbone in known.items() if fnmatchcase(key, pattern)]
    if not found:
        near = ", ".join(get_close_matches(wanted.strip("*"), known, n=5, cutoff=0.5)) or "none"
        raise InvalidInput(
            f"filter: no network's key matches {filter!r}; similar keys: {near}; "
            "list_backbones() has all"
        )
    return found

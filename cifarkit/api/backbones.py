"""The table of available networks."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cifarkit.models.info import Backbone
from cifarkit.models.registry import STUDY, registry

if TYPE_CHECKING:
    import pandas as pd


def list_backbones(filter: str = "*") -> pd.DataFrame:
    """Every known network whose key matches a pattern: `"*net*"`, `"resnet*"`.

    Returns:
        A row per network, by key: `name`, `published` (whether it is one of the published
        study's), `min_size` and `native_size` (pixels), `features` (of the last layer before the
        head), `weights` (names of its weights, comma-separated) and `paper`.
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
    columns = ["key", "name", "published", "min_size", "native_size", "features", "weights"]
    return pd.DataFrame(rows, columns=[*columns, "paper"]).set_index("key")


def matching(pattern: str) -> list[Backbone]:
    """The networks whose key matches a shell pattern, ignoring case."""
    return [one for key, one in registry().items() if fnmatchcase(key, pattern.lower())]

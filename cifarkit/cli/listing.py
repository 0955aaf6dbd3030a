"""`cifarkit zoo --list`: the registry as a table."""

from __future__ import annotations

from cifarkit.backbones.registry import STUDY, registry
from cifarkit.cli.console import plain_or_rich_table


def show_backbones() -> None:
    """Print every known backbone; an asterisk marks the published study's."""
    plain_or_rich_table(
        "Networks",
        ["Key", "Name", "Min px", "Native px", "Features", "Weights", "Paper"],
        [
            [
                backbone.key + ("*" if backbone.key in STUDY else ""),
                backbone.name,
                str(backbone.min_size),
                str(backbone.native_size),
                f"{backbone.features:,}",
                ", ".join(backbone.weight_sets) or "none",
                backbone.paper,
            ]
            for backbone in registry().values()
        ],
        numeric={2, 3, 4},
    )

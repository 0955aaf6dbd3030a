"""`cifarkit zoo --list`: the table of networks."""

from __future__ import annotations

from rich.console import Console

from cifarkit.api.backbones import CLASSES, matching, parameters
from cifarkit.console import plain_or_rich_table
from cifarkit.models.registry import STUDY

WIDE = 124
"""Terminal width from which papers are shown."""


def show_backbones() -> None:
    """Print every known backbone; an asterisk marks the published study's."""
    header = ["Key", "Name", "Min px", "Native px", "Features", "Parameters", "Weights", "Paper"]
    rows = [
        [
            backbone.key + ("*" if backbone.key in STUDY else ""),
            backbone.name,
            str(backbone.min_size),
            str(backbone.native_size),
            f"{backbone.features:,}",
            "" if (count := parameters(backbone)) is None else f"{count:,}",
            ", ".join(backbone.weight_sets) or "none",
            backbone.paper,
        ]
        for backbone in matching("")
    ]
    title = (
        "Networks (* of the published study); parameters without the head, or with a network's own "
        f"for {CLASSES} classes"
    )
    console = Console()
    if console.is_terminal and console.width < WIDE:
        title += f"; {WIDE} columns show their papers"
        header, rows = header[:-1], [row[:-1] for row in rows]
    plain_or_rich_table(title, header, rows, numeric={2, 3, 4, 5})

"""`cifarkit zoo --list`: the tables of networks and of their published weights."""

from __future__ import annotations

from urllib.parse import urlsplit

from rich.console import Console

from cifarkit.api.backbones import CLASSES, matching, parameters
from cifarkit.console import plain_or_rich_table
from cifarkit.models.hub_presets import PREFIX, entries, hub_package
from cifarkit.models.registry import STUDY
from cifarkit.models.weight_sets import WeightSet

WIDE = 124
"""Terminal width from which papers are shown."""
SHOWN_DIGITS = 12
"""Of a hash, in a terminal."""
UNKNOWN = "?"


def show_backbones() -> None:
    """Print every known backbone, and every weight set; an asterisk marks the published study's."""
    _show_networks()
    print()
    _show_weights()


def _show_networks() -> None:
    header = ["Key", "Name", "Min px", "Native px", "Features", "Parameters", "Weights", "Paper"]
    rows = [
        [
            backbone.key + ("*" if backbone.key in STUDY else ""),
            backbone.name,
            str(backbone.min_size),
            str(backbone.native_size),
            f"{backbone.features:,}",
            "" if (count := parameters(backbone)) is None else f"{count:,}",
            ", ".join(backbone.published_weights) or "none",
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


def _show_weights() -> None:
    terminal = Console().is_terminal
    header = ["Key", "Weights", "Top-1", "MB", "Licence", "Input", "Hash of the file", "Source"]
    rows = []
    for backbone in matching(""):
        for known in backbone.published_weights.values():
            megabytes = (
                f"{known.size_mb:,.1f}" if known.size_mb else _estimate(parameters(backbone))
            )
            texts = (known.licence, known.input_range, *_origin(known, short=terminal))
            rows.append(
                [
                    backbone.key,
                    known.name,
                    UNKNOWN if known.top1 is None else f"{known.top1:.3f}",
                    megabytes,
                    *(text or UNKNOWN for text in texts),
                ]
            )
    title = (
        f"Published weights: accuracy on ImageNet as published, with the classifier; ~ of 4 bytes "
        f"per parameter; {UNKNOWN} not stated or not known"
    )
    if terminal:
        title += "; ck.list_weights() has whole hashes and addresses"
    plain_or_rich_table(title, header, rows, numeric={2, 3})


def show_hub_presets() -> None:
    """Print the presets of image backbones in KerasHub's registry."""
    console = Console()
    header = ["Key", "Family", "Parameters", "Px", "Licence", "Kept as"]
    rows = [
        [
            f"{PREFIX}{name}" + ("" if preset.stands_for == name else "*"),
            preset.family.name,
            UNKNOWN if preset.parameters is None else f"{preset.parameters:,}",
            preset.sizes,
            preset.licence or UNKNOWN,
            preset.handle,
        ]
        for name, preset in entries().items()
    ]
    title = (
        f"Image backbones among the presets of {hub_package()}, by its registry; parameters "
        "without a head, of SigLIP and CLIP with the part for texts, which is not trained; Px the "
        f"image sides that it takes; {UNKNOWN} not stated: see the licence at "
        "https://www.kaggle.com/models/ and what it is kept as; * has the files of another preset "
        "in the registry and is refused"
    )
    if console.is_terminal and console.width < WIDE:
        title += f"; {WIDE} columns show what they are kept as"
        header, rows = header[:-1], [row[:-1] for row in rows]
    plain_or_rich_table(title, header, rows, numeric={2})


def _estimate(count: int | None) -> str:
    return UNKNOWN if count is None else f"~{4 * count / 1e6:,.0f}"


def _origin(known: WeightSet, *, short: bool) -> tuple[str, str]:
    """The hash and the source of a weight set."""
    if not short:
        return known.published_hash, known.source
    algorithm, colon, digits = known.published_hash.partition(":")
    return algorithm + colon + digits[:SHOWN_DIGITS], urlsplit(known.source).netloc or known.source

"""Grad-CAM's maps of some test images, in a document and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from cifarkit.reporting.document_model import Block, Figure, Paragraph, Section
from cifarkit.reporting.evaluation_scores import Scores
from cifarkit.reporting.evaluation_tables import taken_for
from cifarkit.reporting.table import Cell, Table, number_columns, text_cell, text_columns
from cifarkit.text import counted, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

CHANGES_BELOW = 0.5
"""Mean absolute rank correlation from which on the maps hardly depend on the weights."""
_LONGEST = 24


@dataclass(frozen=True, eq=False)
class ExplainedImage:
    """A test image and the map of the class that was predicted for it.

    Attributes:
        image: Its number among the test images, from 0.
        file: Its path in the data folder; empty if it is no file.
        chosen: Why it is here.
        label, predicted: The true class, and the output that was preferred.
        confidence: That output's probability, 0..1; None without probabilities.
        map: (h, w) in 0..1; all zero where nothing spoke for the class.
        rank_correlation: Spearman's, of the map and that of the network with shuffled weights,
            -1..1; None where one of them is constant.
        pixels: (height, width, 3) uint8.
    """

    image: int
    file: str
    chosen: Literal["mistake", "random"]
    label: int
    predicted: int
    confidence: float | None
    map: npt.NDArray[np.float32]
    rank_correlation: float | None
    pixels: npt.NDArray[np.uint8]

    @property
    def name(self) -> str:
        return self.file or f"image {self.image}"

    @property
    def peak(self) -> tuple[float, float]:
        """The centre of the map's highest position: shares of the width and the height."""
        row, column = np.unravel_index(int(self.map.argmax()), self.map.shape)
        return (column + 0.5) / self.map.shape[1], (row + 0.5) / self.map.shape[0]


@dataclass(frozen=True, eq=False)
class Explanations:
    """The maps of some images.

    Attributes:
        images: Mistakes first, the most confident first.
        layer: The layer whose feature maps they are of.
        differing: How many of them the network classifies otherwise now than when it was scored.
    """

    images: tuple[ExplainedImage, ...]
    layer: str
    differing: int

    @property
    def rank_correlation(self) -> float | None:
        """The mean of its absolute value, 0..1, over the images where it is defined."""
        known = [i.rank_correlation for i in self.images if i.rank_correlation is not None]
        return float(np.abs(known).mean()) if known else None

    @property
    def check(self) -> str:
        """Whether the maps depend on the weights, in a sentence or two."""
        known = [i.rank_correlation for i in self.images if i.rank_correlation is not None]
        if (mean := self.rank_correlation) is None:
            return "Whether the maps depend on the weights is not known: they are constant."
        said = (
            f"Check (Adebayo et al. 2018): with the weights shuffled within each tensor, the maps' "
            f"rank correlation with those of the trained network is {mean:.2f} in absolute value, "
            f"on average of {counted(len(known), 'image')} ({min(known):.2f} to {max(known):.2f})"
        )
        if missing := len(self.images) - len(known):
            said += f"; of {missing} more a map is constant"
        if mean < CHANGES_BELOW:
            return f"{said}: the maps depend on what was learned."
        return f"{said}: the maps hardly depend on what was learned, so they explain nothing."


def section(scores: Scores, found: Explanations, *, illustrated: bool) -> Section:
    """The maps as a section: what they are, the check, and a table or contact sheets."""
    height, width = found.images[0].map.shape
    about = (
        f"Grad-CAM of the predicted class, from the {height} x {width} feature maps of layer "
        f"{found.layer}. {found.check}"
    )
    if empty := sum(not one.map.any() for one in found.images):
        about += f" In {counted(empty, 'image')} nothing speaks for the class: the map is empty."
    if found.differing:
        about += (
            f" The network classifies {counted(found.differing, 'image')} of these otherwise than "
            "when it was scored."
        )
    blocks: list[Block] = [Paragraph(about), _table(scores, found.images)]
    if illustrated:
        for chosen, title in (
            ("mistake", "The most confident mistakes"),
            ("random", "Random test images"),
        ):
            if some := [one for one in found.images if one.chosen == chosen]:
                blocks.append(_sheet(scores, some, f"explained-{chosen}", title))
    return Section("Explanations", 2, tuple(blocks))


def to_json(scores: Scores, found: Explanations) -> dict[str, Any]:
    """Everything but the pixels; maps to three decimals."""
    return {
        "method": "Grad-CAM",
        "layer": found.layer,
        "mean_absolute_rank_correlation_with_shuffled_weights": found.rank_correlation,
        "check": found.check,
        "classified_otherwise_now": found.differing,
        "images": [
            {
                "image": one.image,
                "file": one.file or None,
                "chosen_as": one.chosen,
                "label": one.label,
                "class": scores.class_names[one.label],
                "predicted": one.predicted,
                "predicted_class": taken_for(scores, one.predicted),
                "confidence": one.confidence,
                "rank_correlation_with_shuffled_weights": one.rank_correlation,
                "map": np.round(one.map.astype(np.float64), 3).tolist(),
            }
            for one in found.images
        ],
    }


def _table(scores: Scores, images: Sequence[ExplainedImage]) -> Table:
    rows = [
        (
            text_cell(one.name),
            text_cell(one.chosen),
            text_cell(scores.shown(one.label)),
            text_cell(taken_for(scores, one.predicted)),
            Cell() if one.confidence is None else Cell(one.confidence, f"{one.confidence:.3f}"),
            text_cell(f"{one.peak[0]:.0%}, {one.peak[1]:.0%}" if one.map.any() else "nowhere"),
            Cell()
            if one.rank_correlation is None
            else Cell(one.rank_correlation, f"{one.rank_correlation:.2f}"),
        )
        for one in images
    ]
    columns = (
        *text_columns("Test image", "Chosen as", "Class", "Predicted"),
        *number_columns("Confidence"),
        *text_columns("Highest at"),
        *number_columns("Rank correlation"),
    )
    caption = (
        "Where the predicted class is seen: the map's highest position, from the left and from "
        "the top, and the map's rank correlation with that of shuffled weights."
    )
    return Table(f"{scores.name}-explained", caption, columns, tuple(rows))


def _sheet(scores: Scores, images: Sequence[ExplainedImage], name: str, title: str) -> Figure:
    title = f"{title}, and what speaks for the predicted class"
    captions = []
    for one in images:
        file = one.file
        short = file if len(file) <= _LONGEST else f"...{file[3 - _LONGEST :]}"
        confidence = "" if one.confidence is None else f"{one.confidence:.3f}"
        captions += [
            (shortened(scores.shown(one.label), _LONGEST), short or f"image {one.image}", ""),
            (f"→ {shortened(taken_for(scores, one.predicted), _LONGEST)}", confidence, ""),
        ]
    return Figure(f"{scores.name}-{name}", title, partial(_draw, title, images, captions))


def _draw(
    title: str, images: Sequence[ExplainedImage], captions: Sequence[tuple[str, str, str]]
) -> Canvas:
    from cifarkit.reporting.figures.contact_sheet import draw
    from cifarkit.reporting.figures.heat import overlaid_pairs

    pixels = np.stack([one.pixels for one in images])
    return draw(title, overlaid_pairs(pixels, np.stack([one.map for one in images])), captions)

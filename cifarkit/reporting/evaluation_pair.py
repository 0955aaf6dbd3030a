"""The confusions of two named classes, both ways, with their images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cifarkit.errors import InvalidInput, unknown
from cifarkit.evaluation.metrics import wilson_interval
from cifarkit.reporting import evaluation_tables as tables
from cifarkit.reporting.document_model import Block, Figure, Paragraph, Section
from cifarkit.reporting.evaluation_scores import Scores, shown
from cifarkit.reporting.figures.evaluation_figures import contact_sheet
from cifarkit.reporting.misclassifications import (
    ImagesUnavailable,
    Mistake,
    mistakes_of_pair,
    pixels,
)
from cifarkit.reporting.table import Cell, Table, number_columns, text_columns

_SHOWN = 24
"""The most images shown of each direction."""


def labels_of(scores: Scores, text: str) -> tuple[int, int]:
    """The labels of `boy/man`.

    Raises:
        InvalidInput: They are not two classes.
    """
    parts = text.split("/")
    splits = [("/".join(parts[:at]), "/".join(parts[at:])) for at in range(1, len(parts))]
    if not splits:
        raise InvalidInput(f"--pair: expected two classes as boy/man, got {text!r}")
    names = {name: label for label, name in enumerate(scores.class_names)}
    for first, second in splits:  # a name may have a slash
        if first in names and second in names and first != second:
            return names[first], names[second]
    first, second = splits[0]
    if first == second:
        raise InvalidInput(f"--pair: expected two different classes, got {text!r}")
    raise unknown("class in --pair", first if first not in names else second, names)


def section(scores: Scores, text: str, illustrated: bool) -> Section:
    """The section of the pair `text`.

    Raises:
        InvalidInput: It does not name two classes.
    """
    first, second = labels_of(scores, text)
    blocks: list[Block] = [_table(scores, text)]
    for true, other in ((first, second), (second, first)):
        if found := mistakes_of_pair(scores, true, other):
            name = f"pair-{true}-{other}"
            caption = f"{scores.shown(true)} taken for {scores.shown(other)}"
            if len(found) > _SHOWN:
                which = "first" if scores.calibration is None else "most confident"
                caption += f", the {which} {_SHOWN} of {len(found):,} images"
            found = found[:_SHOWN]
            blocks.append(tables.mistakes(scores, found, name, caption))
            if illustrated:
                blocks.append(pictures(scores, found, name, caption))
    title = f"{scores.shown(first)} and {scores.shown(second)}"
    return Section(title, 2, tuple(blocks))


def confusions(scores: Scores, text: str) -> list[dict[str, Any]]:
    """The pair's two directions for programs, unrounded.

    Raises:
        InvalidInput: It does not name two classes.
    """
    first, second = labels_of(scores, text)
    found = []
    for true, other in ((first, second), (second, first)):
        taken, images = int(scores.confusion.counts[true, other]), scores.confusion.images[true]
        span = wilson_interval(taken, int(images)) if images else None
        found.append(
            {
                "class": scores.class_names[true],
                "taken_for": scores.class_names[other],
                "count": taken,
                "images": int(images),
                "share": taken / int(images) if images else None,
                "low": span.low if span else None,
                "high": span.high if span else None,
                "image_numbers": [one.image for one in mistakes_of_pair(scores, true, other)],
            }
        )
    return found


def pictures(scores: Scores, found: Sequence[Mistake], name: str, title: str) -> Figure | Paragraph:
    """The contact sheet of some misclassified images, or why there is none."""
    try:
        if scores.record is None:
            other = scores.predictions.source and "an evaluation on other data"
            raise ImagesUnavailable(f"{other or 'a file of predictions'} does not hold them")
        images = pixels(scores.record, scores.predictions.labels, [one.image for one in found])
    except ImagesUnavailable as reason:
        return Paragraph(f"The images themselves are not shown: {reason}.")
    return contact_sheet(scores, found, images, name, title)


def _table(scores: Scores, text: str) -> Table:
    rows = []
    for found in confusions(scores, text):
        names = (Cell(name, shown(name)) for name in (found["class"], found["taken_for"]))
        counts = (found["count"], found["images"])
        share = tables.accuracy_cells(*counts) if found["images"] else (Cell(), Cell())
        rows.append((*names, *map(tables.count_cell, counts), *share))
    columns = (
        *text_columns("Class", "Taken for"),
        *number_columns("Images", "Of", "Share", "95% interval"),
    )
    caption = "The test images of each class taken for the other, with Wilson's 95% interval."
    return Table(f"{scores.name}-pair", caption, columns, tuple(rows))

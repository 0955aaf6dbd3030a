"""Layouts of a study's tables and figures, chosen by its axes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cifarkit.reporting.table_columns import (
    EPOCHS,
    MEMORY,
    MEMORY_WITH_INPUT,
    PARAMETERS,
    TIME,
    TRAINABLE,
    Measure,
)


@dataclass(frozen=True)
class Layout:
    """The layout of a study's tables and figures.

    Attributes:
        measures: The columns of the main table; the test accuracy follows them.
        caption: Of the main table; empty for one made of the study's title.
        rows_are_names: Rows go by their arms' names, not by a column per axis.
        names_axis: Sentences name rows by setting and value, "dropout 0.3"; others have names.
        pivoted: One table per measure, models down and image sizes across.
    """

    measures: tuple[Measure, ...]
    caption: str = ""
    rows_are_names: bool = False
    names_axis: bool = True
    pivoted: bool = False


_ALONG = {
    frozenset({"model"}): Layout(
        (MEMORY, PARAMETERS, TIME),
        "Memory, parameters, training time and test accuracy of every model.",
        rows_are_names=True,
        names_axis=False,
    ),
    frozenset({"model", "image_size"}): Layout(
        (MEMORY, PARAMETERS, TIME),
        "Test accuracy and cost of every model at every image size.",
        names_axis=False,
        pivoted=True,
    ),
    frozenset({"unfreeze"}): Layout(
        (MEMORY_WITH_INPUT, TRAINABLE, TIME),
        "Fine-tuning depth: how much of the backbone is trained.",
        names_axis=False,
    ),
    frozenset({"dropout"}): Layout((TIME,)),
    frozenset(): Layout((EPOCHS, TIME), rows_are_names=True, names_axis=False),
}
_OF_BATCH_SIZES = Layout((EPOCHS, MEMORY_WITH_INPUT, TIME))
_OTHER = Layout((EPOCHS, TIME))


def along(axes: Collection[str]) -> Layout:
    """The layout of a study along these axes."""
    other = _OF_BATCH_SIZES if "batch_size" in axes else _OTHER
    return _ALONG.get(frozenset(axes), other)

"""The table of a screening, and what is said below it."""

from __future__ import annotations

from cifarkit.reporting.formatting import GAP, significant
from cifarkit.reporting.table import Cell, Table, number_columns, text_cell, text_columns
from cifarkit.store.screens import ScreenedNetwork, ScreenRecord
from cifarkit.text import counted


def screen_table(record: ScreenRecord) -> Table:
    """A row per network, the best first."""
    columns = (
        *text_columns("Network"),
        *number_columns("Image size (px)", "Parameters", "Features", "Seconds"),
        *number_columns("Probe accuracy"),
        *text_columns("95% interval", "Points to the best"),
        *number_columns("kNN accuracy", "ImageNet top-1"),
        *text_columns("Goes on"),
    )
    caption = (
        f"Screening on {record.data_title}: {counted(record.images, 'image')} of "
        f"{counted(record.classes, 'class', 'classes')}, weights {record.weights}"
    )
    return Table(record.name, caption, columns, tuple(map(_row, record.networks)))


def _row(one: ScreenedNetwork) -> tuple[Cell, ...]:
    if one.failure:
        end: tuple[Cell, ...] = (Cell(), text_cell("failed"), Cell(), Cell(), Cell())
        last = text_cell(f"not known: {one.failure}")
    else:
        end = (
            _share(one.probe_accuracy),
            text_cell(f"{one.probe_low:.3f} to {one.probe_high:.3f}"),
            _difference(one),
            _share(one.neighbours_accuracy),
            _share(one.imagenet_top1),
        )
        last = text_cell(f"yes: {one.goes_on}" if one.goes_on else "no")
    return (
        text_cell(one.name),
        _count(one.image_size),
        _count(one.parameters),
        _count(one.features),
        Cell() if one.seconds is None else Cell(one.seconds, significant(one.seconds, 2)),
        *end,
        last,
    )


def _difference(one: ScreenedNetwork) -> Cell:
    if one.difference_low is None or one.difference_high is None:
        return text_cell(GAP)
    return text_cell(f"{100 * one.difference_low:+.1f} to {100 * one.difference_high:+.1f}")


def _count(value: int | None) -> Cell:
    return Cell() if value is None else Cell(value, f"{value:,}")


def _share(value: float | None) -> Cell:
    return Cell() if value is None else Cell(value, f"{value:.3f}")


def screen_sentences(record: ScreenRecord) -> list[str]:
    """How the table was made, what was left out, and what goes on."""
    computed = sum(one.computed_images for one in record.networks)
    tested = [one for one in record.networks if one.failure == ""]
    sentences = [
        "The probe is a ridge regression of the classes on a network's frozen features, kNN the "
        "nearest images by cosine similarity; each image is predicted without having been fitted "
        "to. Test images are not used. Points to the best: the 95% interval of the difference, on "
        "the same images, for all pairs of networks at once.",
        f"Seconds are for building a network and running it once over the images. This screening "
        f"computed {computed:,} of {record.images * len(tested):,} feature vectors in "
        f"{record.network_seconds:.0f} s, and took {record.seconds:.0f} s in all.",
        *record.left_out,
        *record.notes,
    ]
    if not any(one.failure for one in record.networks) and len(tested) == 1:
        sentences.append("One network was screened: there is nothing to compare it with.")
    return sentences

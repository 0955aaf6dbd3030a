"""Writes a composed document in a format for readers and draws its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.errors import InvalidInput
from cifarkit.plugins import FAILURES
from cifarkit.reporting import render
from cifarkit.reporting.document_model import Block, Document, Figure
from cifarkit.reporting.figures.study_figures import failed

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FORMATS = (*render.FORMATS, "csv", "json")
"""The formats for readers, and two of raw numbers for programs."""


def publish(written: Document, format: str, figures_dir: Path | None) -> str:
    """A document in a format for readers; its figures are drawn here.

    A note takes the place of a figure that cannot be drawn.

    Args:
        written: The document.
        format: One of `render.FORMATS`.
        figures_dir: Where every figure is written, as PNG and SVG; Markdown and LaTeX refer to
            the PNG by this path. None draws no figures, except inside HTML.

    Raises:
        InvalidInput: The figures cannot be written.
    """
    if figures_dir is None and format != "html":
        return render.FORMATS[format](written, {})

    def save(figure: Figure, canvas: Canvas) -> str:
        path = "" if figures_dir is None else _write(canvas, figures_dir, figure.name)
        return _embedded(canvas) if format == "html" else path

    document, sources = _drawn(written, save)
    return render.FORMATS[format](document, sources)


def notebook_html(written: Document) -> str:
    """A document with its figures for a notebook's cell."""
    return render.html.fragment(*_drawn(written, lambda _, canvas: _embedded(canvas)))


def drawings_of(written: Document) -> list[Figure]:
    """Every figure of a document, in order."""
    return [
        block
        for section in written.sections
        for block in section.blocks
        if isinstance(block, Figure)
    ]


def write_figures(blocks: Sequence[Block], folder: Path) -> None:
    """Write the figures among some blocks into a folder.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    for block in blocks:
        _or_note(block, lambda figure, canvas: _write(canvas, folder, figure.name), {})


def _drawn(
    written: Document, save: Callable[[Figure, Canvas], str]
) -> tuple[Document, dict[str, str]]:
    """Draw and save every figure.

    Returns:
        The document, with a note in place of each figure that failed, and by name the place where
        each figure was saved.
    """
    sources: dict[str, str] = {}
    sections = [
        replace(section, blocks=tuple(_or_note(block, save, sources) for block in section.blocks))
        for section in written.sections
    ]
    return replace(written, sections=tuple(sections)), sources


def _or_note(block: Block, save: Callable[[Figure, Canvas], str], sources: dict[str, str]) -> Block:
    if not isinstance(block, Figure):
        return block
    try:
        sources[block.name] = save(block, block.draw())
    except InvalidInput:  # the folder cannot be written
        raise
    except FAILURES as error:
        return failed(f"Figure {block.name}", block.origin, error)
    return block


def _write(canvas: Canvas, folder: Path, name: str) -> str:
    from cifarkit.reporting.figures.style import write

    try:
        write(canvas, folder, name)
    except OSError as error:
        raise InvalidInput(f"figures cannot be written to {folder}: {error}") from None
    return (folder / f"{name}.png").as_posix()


def _embedded(canvas: Canvas) -> str:
    """The figure as a data URL: an image of its own, so that ids of two figures cannot clash."""
    import base64

    from cifarkit.reporting.figures.style import svg

    return "data:image/svg+xml;base64," + base64.b64encode(svg(canvas)).decode("ascii")

"""Writes a composed document in a format for readers and draws its figures."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cifarkit.errors import InvalidInput, unknown
from cifarkit.plugins import FAILURES
from cifarkit.reporting import render
from cifarkit.reporting.document_model import Block, Document, Figure
from cifarkit.reporting.figures.study_figures import failed
from cifarkit.reporting.render.inline_svg import Drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

S = TypeVar("S")
FIGURE_FORMATS = ("png", "svg", "pdf")
FORMATS = (*render.FORMATS, "csv", "json")
"""The formats for readers, and two of raw numbers for programs."""
_LARGE_BYTES = 200_000
"""An SVG beyond this becomes a PNG, if that is smaller."""


def publish(
    written: Document, format: str, figures_dir: Path | None, figure_format: str = "png"
) -> str:
    """A document in a format for readers; its figures are drawn here.

    A note takes the place of a figure that cannot be drawn.

    Args:
        written: The document.
        format: One of `render.FORMATS`.
        figures_dir: Where every figure is written; Markdown and LaTeX refer to it by this path.
            None draws no figures, except inside HTML.
        figure_format: One of `FIGURE_FORMATS`, of the files in that folder.

    Raises:
        InvalidInput: The figures cannot be written.
    """

    def name_of(figure: Figure) -> str:
        return f"{figure.name}.{figure_format}"

    if figures_dir is None and format != "html":
        return render.FORMATS[format](written, {})
    if format != "html":
        assert figures_dir is not None
        return render.FORMATS[format](
            *_drawn(written, lambda figure, canvas: _write(canvas, figures_dir, name_of(figure)))
        )

    def embed(figure: Figure, canvas: Canvas) -> str | Drawing:
        if figures_dir is not None:
            _write(canvas, figures_dir, name_of(figure))
        return _inlined(canvas)

    return render.html.write(*_drawn(written, embed))


def undrawn(written: Document, format: str) -> str:
    """A document in a format for readers, with empty places for its figures."""
    return render.FORMATS[format](written, {figure.name: "" for figure in drawings_of(written)})


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


def check_figure_format(figure_format: str, format: str, figures_dir: Path | None) -> None:
    """Refuse what would be ignored or cannot be read.

    Raises:
        InvalidInput: It is no format of figures, LaTeX cannot include it, or there is no folder.
    """
    if figure_format not in FIGURE_FORMATS:
        raise unknown("figure format", figure_format, FIGURE_FORMATS)
    if figures_dir is None and figure_format != "png":
        raise InvalidInput(
            f"--figure-format: {figure_format} is of the files in --figures; give that folder, too"
        )
    if format == "latex" and figure_format == "svg":
        raise InvalidInput("--figure-format: pdfLaTeX cannot include svg; give pdf or png")


def write_figures(blocks: Sequence[Block], folder: Path, figure_format: str = "png") -> None:
    """Write the figures among some blocks into a folder.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    for block in blocks:
        _or_note(
            block,
            lambda figure, canvas: _write(canvas, folder, f"{figure.name}.{figure_format}"),
            {},
        )


def _drawn(written: Document, save: Callable[[Figure, Canvas], S]) -> tuple[Document, dict[str, S]]:
    """Draw and save every figure.

    Returns:
        The document, with a note in place of each figure that failed, and by name the place where
        each figure was saved.
    """
    sources: dict[str, S] = {}
    sections = [
        replace(section, blocks=tuple(_or_note(block, save, sources) for block in section.blocks))
        for section in written.sections
    ]
    return replace(written, sections=tuple(sections)), sources


def _or_note(block: Block, save: Callable[[Figure, Canvas], S], sources: dict[str, S]) -> Block:
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
        write(canvas, folder / name)
    except OSError as error:
        raise InvalidInput(f"figures cannot be written to {folder}: {error}") from None
    return (folder / name).as_posix()


def _embedded(canvas: Canvas) -> str:
    """The figure as a data URL: an image of its own, so that ids of two figures cannot clash."""
    from cifarkit.reporting.figures.style import svg

    return _data_url("svg+xml", svg(canvas))


def _inlined(canvas: Canvas) -> str | Drawing:
    """The figure as a part of the page; a data URL where a PNG is smaller than a large SVG."""
    from cifarkit.reporting.figures.interactive import drawing
    from cifarkit.reporting.figures.style import png

    made = drawing(canvas)
    if len(made.svg) > _LARGE_BYTES and len(image := _compressed(png(canvas))) < len(made.svg):
        return _data_url("png", image)
    return made


def _compressed(png: bytes) -> bytes:
    """The image with a palette of 256 colours."""
    from PIL import Image

    content = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(content, "PNG", optimize=True)
    return content.getvalue()


def _data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")

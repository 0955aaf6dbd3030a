"""A composed document, written in a format for readers, its figures drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cifarkit.errors import InvalidInput
from cifarkit.reporting import render
from cifarkit.reporting.document_model import Document, Figure

FORMATS = (*render.FORMATS, "csv", "json")
"""The formats for readers, and two of raw numbers for programs."""


def publish(written: Document, format: str, figures_dir: Path | None) -> str:
    """A document in a format for readers; its figures are drawn here.

    Args:
        written: What is to be published.
        format: One of `render.FORMATS`.
        figures_dir: Where every figure is written, as PNG and SVG; Markdown and LaTeX refer to
            the PNG by this very path. None draws no figures, except inside HTML.

    Raises:
        InvalidInput: The format is unknown, or the figures cannot be written.
    """
    drawings = drawings_of(written)
    sources = write_figures(drawings, figures_dir) if figures_dir is not None else {}
    if format == "html":
        sources = {figure.name: _embedded(figure) for figure in drawings}
    return render.to_format(written, format, sources)


def notebook_html(written: Document) -> str:
    """A document with its figures for a notebook's cell."""
    sources = {figure.name: _embedded(figure) for figure in drawings_of(written)}
    return render.html.fragment(written, sources)


def drawings_of(written: Document) -> list[Figure]:
    """Every figure of a document, in its order."""
    return [
        block
        for section in written.sections
        for block in section.blocks
        if isinstance(block, Figure)
    ]


def write_figures(drawings: Sequence[Figure], folder: Path) -> dict[str, str]:
    """Write figures into a folder; where each is found, by name.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    from cifarkit.reporting.figures.style import write

    sources = {}
    for figure in drawings:
        try:
            write(figure.draw(), folder, figure.name)
        except OSError as error:
            raise InvalidInput(f"figures cannot be written to {folder}: {error}") from None
        sources[figure.name] = (folder / f"{figure.name}.png").as_posix()
    return sources


def _embedded(figure: Figure) -> str:
    """The figure as a data URL: an image of its own, whose ids meet no other's."""
    import base64

    from cifarkit.reporting.figures.style import svg

    return "data:image/svg+xml;base64," + base64.b64encode(svg(figure.draw())).decode("ascii")

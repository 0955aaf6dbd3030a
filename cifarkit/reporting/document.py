"""`cifarkit report`: records of the store in, one document out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cifarkit.errors import InvalidInput, unknown
from cifarkit.reporting import export, render
from cifarkit.reporting.blocks import Document, Figure
from cifarkit.reporting.figures.of_study import figures
from cifarkit.reporting.sections import compose
from cifarkit.trials.record import StudyRecord, TrialRecord

DATA_FORMATS = {"csv": export.to_csv, "json": export.to_json}
"""Raw numbers for programs; the other formats are for readers."""
FORMATS = (*render.FORMATS, *DATA_FORMATS)


def document(
    studies: Sequence[StudyRecord],
    records: Mapping[str, TrialRecord],
    *,
    format: str = "markdown",
    published: bool = False,
    figures_dir: Path | None = None,
) -> str:
    """The studies, written up.

    Args:
        studies: At least one, in the order of the document.
        records: Trials by id; an id that is missing was never started.
        format: `markdown`, `html`, `latex`, `csv` or `json`. HTML holds its figures itself.
        published: Put the published study's numbers beside ours.
        figures_dir: Where every figure is written, as PNG and SVG; Markdown and LaTeX refer to
            the PNG by this very path. None draws no figures, except inside HTML.

    Raises:
        InvalidInput: The format is unknown, there is no study, or the figures cannot be written.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    if not studies:
        raise InvalidInput("there is no study to report")
    if format in DATA_FORMATS:
        if figures_dir is not None:
            drawings = [figure for study in studies for figure in figures(study, records)]
            _written(drawings, figures_dir)
        return DATA_FORMATS[format](studies, records, published)
    illustrated = format == "html" or figures_dir is not None
    written = compose(studies, records, published=published, illustrated=illustrated)
    return publish(written, format, figures_dir)


def publish(written: Document, format: str, figures_dir: Path | None) -> str:
    """A document in a format for readers; its figures are drawn here.

    Args:
        written: What is to be published.
        format: One of `render.FORMATS`.
        figures_dir: As in `document`.

    Raises:
        InvalidInput: The format is unknown, or the figures cannot be written.
    """
    sources = write_figures(written, figures_dir) if figures_dir is not None else {}
    if format == "html":
        sources = {figure.name: _embedded(figure) for figure in _drawings(written)}
    return render.to_format(written, format, sources)


def write_figures(written: Document, folder: Path) -> dict[str, str]:
    """Write every figure of a document into a folder; where each is found, by name."""
    return _written(_drawings(written), folder)


def _drawings(written: Document) -> list[Figure]:
    return [
        block
        for section in written.sections
        for block in section.blocks
        if isinstance(block, Figure)
    ]


def _written(drawings: Sequence[Figure], folder: Path) -> dict[str, str]:
    """Write every figure; where each is found, by name."""
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

"""The document of `cifarkit report`, composed from records of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cifarkit.errors import InvalidInput, unknown
from cifarkit.reporting import appendix, export, sections
from cifarkit.reporting.figures.study_figures import figures
from cifarkit.reporting.output import FORMATS, check_figure_format, publish, undrawn, write_figures
from cifarkit.reporting.study_labels import views
from cifarkit.reporting.trial_pages import with_trials
from cifarkit.store.records import TrialRecord
from cifarkit.store.screens import ScreenRecord
from cifarkit.store.study_records import StudyRecord

DATA_FORMATS = {"csv": export.to_csv, "json": export.to_json}
"""Raw numbers for programs; the other formats are for readers."""


def document(
    studies: Sequence[StudyRecord],
    records: Mapping[str, TrialRecord],
    *,
    format: str = "markdown",
    published: bool = False,
    figures_dir: Path | None = None,
    figure_format: str = "png",
    full: bool = False,
    in_words: bool = False,
    screens: Sequence[ScreenRecord] = (),
) -> str:
    """Write the document of some studies.

    Args:
        studies: At least one, in the order of the document.
        records: Trials by id; an id that is missing was never started.
        format: `markdown`, `html`, `latex`, `csv` or `json`. HTML embeds its figures.
        published: Add columns with the published study's numbers.
        figures_dir, figure_format: As in `output.publish`.
        full: Whether Markdown is the whole report instead of the appendix. HTML and LaTeX always
            are, and the data formats have all data.
        screens: Screenings, for the whole report.
        in_words: Have the captions and alternative texts of figures, but draw none.

    Raises:
        InvalidInput: The format is unknown, there is no study, or the figures cannot be written.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    check_figure_format(figure_format, format, figures_dir)
    if not studies:
        raise InvalidInput("there is no study to report")
    made = views(studies, records, published=published)
    if format in DATA_FORMATS:
        if figures_dir is not None:
            drawn = [block for view in made for block in figures(view)]
            write_figures(drawn, figures_dir, figure_format)
        return DATA_FORMATS[format](made, published)
    illustrated = format == "html" or figures_dir is not None or in_words
    if full or format != "markdown":
        written = sections.compose(
            made, published=published, illustrated=illustrated, screens=screens
        )
    else:
        written = appendix.compose(made, published=published, illustrated=illustrated)
    if format == "html":
        written = with_trials(written, made)
    if in_words:
        return undrawn(written, format)
    return publish(written, format, figures_dir, figure_format)

"""The document of a store's studies."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.api.existing_store import existing_store
from cifarkit.console import say
from cifarkit.errors import InvalidInput, unknown
from cifarkit.store.screens import ScreenRecord, read_screens
from cifarkit.store.store import Store
from cifarkit.store.studies import trials_of
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.trials import gather
from cifarkit.text import counted

if TYPE_CHECKING:
    from cifarkit.reporting.origin import Origin


def report(
    store: str | os.PathLike[str] = "runs",
    *,
    study: str | Sequence[str] | None = None,
    format: str = "markdown",
    published: bool = False,
    path: str | os.PathLike[str] | None = None,
    figures: str | os.PathLike[str] | None = None,
    figure_format: str = "png",
    full: bool = False,
) -> str:
    """Write up the studies of a store: the appendix (tables, results and conclusions), or all.

    Args:
        store: The folder of results.
        study: Only this study, or these, by name.
        format: `markdown`, `html` (holds its figures), `latex`, `csv` or `json`. Markdown is the
            appendix, unless `full`; HTML and LaTeX are the whole report.
        published: Add the published study's numbers.
        path: A file to write the document to as well.
        figures: A folder to draw the document's figures into; it refers to them.
        figure_format: Of the files in that folder: `png`, `svg` or `pdf`.
        full: The whole report in Markdown, too: also training curves, measured cost, accuracy on
            every split, results per class of a final model, provenance and settings.

    Returns:
        The document.

    Raises:
        InvalidInput: There is no such store, study or format, or a file cannot be written.
    """
    from cifarkit.reporting.document import document
    from cifarkit.reporting.output import FORMATS, check_figure_format
    from cifarkit.reporting.trial_lookup import studies_named

    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    folder = None if figures is None else Path(figures)
    check_figure_format(figure_format, format, folder)
    stored = existing_store(Path(store))
    studies = stored.studies(lambda error: say(f"left out: {error}", "yellow"))
    if not studies:
        raise InvalidInput(
            f"--runs: there is no study in {stored.root}; make one first (cifarkit zoo --help)"
        )
    every = studies
    if study:
        wanted = [study] if isinstance(study, str) else study
        names = {found.name for text in wanted for found in studies_named(studies, text)}
        studies = [found for found in studies if found.name in names]
    else:
        listed = {trial for found in studies for trial in trials_of(found)}
        if alone := len(set(stored.trial_ids()) - listed):
            say(
                f"not in this report, since no study lists them: {counted(alone, 'trial')}; "
                "`cifarkit store list` shows all, and the command that made them lists them again",
                "yellow",
            )
    # The learning curves and the raw numbers are made of histories, nothing else is.
    histories = format in ("html", "json") or (
        figures is not None and (full or format != "markdown")
    )

    def written() -> str:
        trials = gather(stored, studies, whole=histories)
        for unreadable in trials.unreadable.values():
            say(str(unreadable), "yellow")
        return document(
            studies,
            trials,
            format=format,
            published=published,
            figures_dir=folder,
            figure_format=figure_format,
            full=full,
            screens=_screens(stored) if len(studies) == len(every) else [],
        )

    with _no_collection():
        text = written()
    text += _ending(studies, published, full, format)
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise InvalidInput(f"path: {path} cannot be written: {error.strerror}") from None
    return text


def written_again(stored: Store, made_from: Origin, *, illustrated: bool) -> str:
    """A report as it would be written now, with its figures' texts but no drawings.

    Raises:
        InvalidInput: The store lacks one of its studies.
    """
    from cifarkit.reporting.document import document

    studies = [study for study in stored.studies() if study.name in made_from.studies]
    if missing := sorted({*made_from.studies} - {study.name for study in studies}):
        raise InvalidInput(f"{stored.root} has no readable study {', '.join(missing)}")
    format, published, full = made_from.format, made_from.published, made_from.full
    histories = format in ("html", "json") or (illustrated and (full or format != "markdown"))
    with _no_collection():
        text = document(
            studies,
            gather(stored, studies, whole=histories),
            format=format,
            published=published,
            full=full,
            in_words=illustrated,
            screens=_screens(stored) if len(studies) == len(stored.studies()) else [],
        )
    return text + _ending(studies, published, full, format)


def _screens(stored: Store) -> list[ScreenRecord]:
    """Screenings, which belong to a report of all studies."""
    screens, unreadable = read_screens(stored.root)
    for error in unreadable:
        say(f"left out: {error}", "yellow")
    return screens


def _ending(studies: Sequence[StudyRecord], published: bool, full: bool, format: str) -> str:
    """The last line, of a format that has one; JSON says it within."""
    from cifarkit.reporting import origin

    if format not in origin.FORMATS or format == "json":
        return ""
    blank = "\n" * (format == "markdown")
    return f"{blank}{origin.line([found.name for found in studies], published, full, format)}\n"


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause garbage collection: nearly all objects of a report live until its end.

    For a report of thousands of trials it takes a fifth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

"""The figures of a study: their protocol, and those that are built in or installed."""

from __future__ import annotations

import logging
import pkgutil
import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cifarkit.errors import InvalidInput
from cifarkit.plugins import FAILURES, Registry, in_one_line
from cifarkit.reporting.document_model import Figure, Paragraph
from cifarkit.reporting.figures import study
from cifarkit.reporting.study_view import StudyView

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


class Chart(Protocol):
    """The data of one drawing: plain values that can be compared, such as a frozen dataclass."""

    @property
    def title(self) -> str:
        """What it shows, in one line: the figure's caption, without a period at its end.

        A chart may also have an `alt: str`, its alternative text: what there is to see, with the
        numbers that matter. Without one, the title is.
        """
        ...


C = TypeVar("C", bound=Chart)


class StudyFigure(Protocol[C]):
    """A figure that a study's report has; it may be several drawings."""

    def data(self, view: StudyView) -> Mapping[str, C]:
        """The data of each drawing by its name; empty if the figure does not apply.

        A name is lower-case letters, digits and dashes, and its files are called `STUDY-NAME`. What
        the figure applies to follows from the view: its axes, its layout, what has finished. Equal
        views give equal data. Called only if figures are wanted; does not import matplotlib.
        """
        ...

    def draw(self, chart: C) -> Canvas:
        """Draw one; imports matplotlib, and leaves no state in it (no `pyplot`).

        Called with the report's style set (`figures.style.look`).
        """
        ...


def _figure(name: str, loaded: object) -> StudyFigure[Any]:
    if isinstance(loaded, type) or not all(
        callable(getattr(loaded, method, None)) for method in ("data", "draw")
    ):
        raise InvalidInput(f"it gave {loaded!r:.80}, not a StudyFigure")
    return loaded  # type: ignore[return-value]


FIGURES: Registry[StudyFigure[Any]] = Registry(
    "figure",
    "cifarkit.figures",
    {
        module.name: f"{study.__name__}.{module.name}:FIGURE"
        for module in sorted(pkgutil.iter_modules(study.__path__), key=lambda module: module.name)
    },
    _figure,
)
"""Built-in figures in the order of their modules' names, then those of packages, which add an
instance under `cifarkit.figures`."""


def figures(view: StudyView, *, only: str | None = None) -> list[Figure | Paragraph]:
    """The study's figures, in the order of `FIGURES`; a note in place of one that fails.

    Args:
        only: Of this entry of `FIGURES` alone.
    """
    blocks: dict[str, Figure | Paragraph] = {}
    for entry in [name for name in FIGURES.names() if only in (None, name)]:
        figure, origin = FIGURES.get(entry), FIGURES.origin(entry)
        try:
            charts = checked(figure.data(view))
            for name, chart in charts.items():
                if name in blocks:
                    raise ValueError(f"there is a figure {name!r} already")
                draw = partial(_drawn, figure, chart)
                alt = getattr(chart, "alt", "")
                blocks[name] = Figure(f"{view.name}-{name}", chart.title, draw, origin, alt)
        except FAILURES as error:
            blocks[f"{entry}: failed"] = failed(f"A figure of {view.title}", origin, error)
    return list(blocks.values())


def checked(charts: Mapping[str, C]) -> Mapping[str, C]:
    """What `StudyFigure.data` gave.

    Raises:
        TypeError: It is no mapping, or a chart has no title or an `alt` that is no text.
        ValueError: A name cannot be a file's.
    """
    if not isinstance(charts, Mapping):
        raise TypeError(f"data() gave {charts!r:.80}, not charts by name")
    for name, chart in charts.items():
        if not isinstance(name, str) or not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name):
            raise ValueError(f"name: lower-case letters, digits and dashes, received {name!r:.80}")
        if not isinstance(title := getattr(chart, "title", None), str) or not title.strip():
            raise TypeError(f"{name}: its chart has no title")
        if not isinstance(getattr(chart, "alt", ""), str):
            raise TypeError(f"{name}: its chart's alt is not a text")
    return charts


def failed(what: str, origin: str, error: BaseException) -> Paragraph:
    """The note in place of a figure; it is logged, too."""
    note = f"{what} is left out: {origin} raised {in_one_line(error)}"
    logging.getLogger("cifarkit").warning("cifarkit: %s", note)
    return Paragraph(f"{note}.")


def _drawn(figure: StudyFigure[C], chart: C) -> Canvas:
    from matplotlib.figure import Figure as Canvas

    from cifarkit.reporting.figures.style import look

    with look():
        canvas = figure.draw(chart)
    if not isinstance(canvas, Canvas):
        raise TypeError(f"draw() gave {canvas!r:.80}, not a matplotlib Figure")
    return canvas

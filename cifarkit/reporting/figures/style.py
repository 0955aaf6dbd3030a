"""Common style and file output of figures. Uses matplotlib's object API without global state."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from cifarkit.text import number, plain, shortened

# Okabe & Ito's palette, safe for colour vision deficiencies.
BLUE, ORANGE, GREEN, RED, SKY, PURPLE, YELLOW, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
    "#000000",
)
CYCLE = (BLUE, ORANGE, GREEN, RED, SKY, PURPLE, BLACK)
GREY = "#666666"
WIDTH = 7.2
"""The text width of a page, in inches."""
DPI = 200
_LOOK: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    # Names may contain dollar signs; no text is mathematics.
    "text.parse_math": False,
    # Text stays text in an SVG: it can be searched, read aloud and restyled.
    "svg.fonttype": "none",
    # Reproducible files.
    "svg.hashsalt": "cifarkit",
    # Publishers refuse the default, Type 3 fonts.
    "pdf.fonttype": 42,
}


@contextmanager
def look() -> Iterator[None]:
    """Apply the style while a figure is made or saved."""
    with mpl.rc_context(), warnings.catch_warnings():
        # Ignore any `matplotlibrc`, which is also read from the current folder.
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)
        # Characters missing from the font are drawn as boxes; do not warn about each.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(height: float, title: str, footnote: str, width: float = WIDTH) -> Figure:
    """A figure with wrapped title and footnote, by default as wide as a page."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    _wrap(
        figure,
        figure.suptitle(shortened(title, 240), x=0.01, ha="left", fontsize=10, weight="bold"),
    )
    if footnote:
        _wrap(
            figure, figure.supxlabel(plain(footnote), x=0.01, ha="left", fontsize=7.5, color=GREY)
        )
    return figure


def _wrap(figure: Figure, text: Text) -> None:
    """Break a text into lines that fit the figure, by their width in pixels."""
    whole, room = text.get_text(), 0.98 * figure.bbox.width
    for columns in range(130, 10, -6):
        text.set_text(textwrap.fill(whole, columns))
        if text.get_window_extent().width <= room:
            return


def settle(figure: Figure) -> RendererBase:
    """Freeze the layout, so that pixel positions are final."""
    figure.draw_without_rendering()
    # None and not "none", whose placeholder makes every save draw the figure twice.
    figure.set_layout_engine(None)
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer: RendererBase = canvas.get_renderer()
    return renderer


def legend_above(axes: Axes, columns: int, handlelength: float = 2.0) -> None:
    """Add a legend between title and chart."""
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=columns,
        fontsize=8,
        borderpad=0.8,
        handlelength=handlelength,
    )


def pixels(axes: Axes, points: float) -> float:
    """Convert points to pixels."""
    return points * axes.figure.dpi / 72


def plain_numbers(axes: Axes, which: str) -> None:
    """Format ticks as `1,000`, `20 M` and `2.5e-5`, also on a logarithmic axis."""

    def text(value: float, _position: float | None = None) -> str:
        if 0 < abs(value) < 0.001:
            return number(float(f"{value:.6g}"))
        if abs(value) >= 1e6:
            return f"{value / 1e6:g} M"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda v, p: text(float(f"{v:.9g}"), p)))


_TIPS: WeakKeyDictionary[Artist, str] = WeakKeyDictionary()


def set_tip(artist: Artist, text: str) -> None:
    """What an HTML page shows of it, in place of its label and values."""
    _TIPS[artist] = text


def tip(artist: Artist) -> str:
    """What `set_tip` was given; empty otherwise."""
    return _TIPS.get(artist, "")


def png(figure: Figure) -> bytes:
    return _saved(figure, "png")


def svg(figure: Figure) -> bytes:
    return _saved(figure, "svg", metadata={"Date": None})


def pdf(figure: Figure) -> bytes:
    return _saved(figure, "pdf", metadata={"CreationDate": None})


FORMATS = {"png": png, "svg": svg, "pdf": pdf}


def write(figure: Figure, path: Path) -> None:
    """Write the format of the path's suffix, creating the folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(FORMATS[path.suffix[1:]](figure))


def _saved(figure: Figure, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    with look():
        figure.savefig(content, format=kind, **options)
    return content.getvalue()

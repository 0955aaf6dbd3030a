"""Labels what a figure shows, for the legend and the tooltips of an HTML page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer, Container
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from cifarkit.reporting.figures import style
from cifarkit.reporting.render.inline_svg import Drawing

_Names = Callable[[Axis], dict[float, str]]


def drawing(figure: Figure) -> Drawing:
    """The figure as SVG, its series marked by their labels, which are matplotlib's own.

    A legend's entry belongs to what is drawn under the same label. What was given a tip
    (`style.set_tip`) shows it; of the rest, bars and lines say their series and values, a line of
    more than six points the last one.
    """
    named = cache(_tick_names)
    numbers = count()
    series: dict[str, str] = {}
    legend: dict[str, str] = {}
    tips: dict[str, str] = {}

    def mark(artist: Artist) -> str:
        gid = artist.get_gid() or f"cifarkit-{next(numbers)}"
        artist.set_gid(gid)
        return gid

    shown: set[str] = set()
    for box in _legends(figure):
        for handle, text in zip(box.legend_handles, box.get_texts(), strict=False):
            shown.add(text.get_text())
            for part in (handle, text):
                if part is not None:
                    legend[mark(part)] = text.get_text()
    for axes in figure.axes:
        for label, artist in _labelled(axes):
            gid = mark(artist)
            if label in shown and not _is_empty(artist):
                series[gid] = label
            if tip := style.tip(artist) or _tip(axes, label, artist, named):
                tips[gid] = tip
    return Drawing(style.svg(figure), series, legend, tips)


def _legends(figure: Figure) -> list[Legend]:
    inside = (axes.get_legend() for axes in figure.axes)
    return [*figure.legends, *(legend for legend in inside if legend is not None)]


def _labelled(axes: Axes) -> Iterator[tuple[str, Artist]]:
    """Every artist with the label of its own or of its container; matplotlib's own start with _."""
    parts: dict[int, str] = {}
    for container in axes.containers:
        for child in _leaves(container):
            parts[id(child)] = str(container.get_label())
    for artist in (*axes.lines, *axes.patches, *axes.collections):
        label = parts.get(id(artist), str(artist.get_label()))
        yield ("" if label.startswith("_") else label), artist


def _is_empty(artist: Artist) -> bool:
    """Whether it was drawn only for the legend, such as a key of sizes."""
    return isinstance(artist, PathCollection) and np.size(artist.get_offsets()) == 0


def _leaves(container: Container) -> Iterator[Artist]:
    for child in container:
        if isinstance(child, Artist):
            yield child
        elif child is not None:
            yield from child


def _tip(axes: Axes, label: str, artist: Artist, named: _Names) -> str:
    if isinstance(artist, Line2D) and artist.axes is not None:
        points = np.asarray(artist.get_xydata(), float).tolist()
        alone = len(points) == 1 and artist.get_marker() not in ("None", "none", "", " ", None)
        if not points or not (label or alone):
            return label
        ends = [f"{_at(axes.yaxis, y, named)}, {_at(axes.xaxis, x, named)}" for x, y in points]
        return "; ".join([*filter(None, [label]), *(ends if len(ends) <= 6 else ends[-1:])])
    for bars in axes.containers:
        if isinstance(bars, BarContainer) and artist in bars.patches:
            assert isinstance(artist, Rectangle)
            flat = bars.orientation == "horizontal"
            value = artist.get_width() if flat else artist.get_height()
            middle = artist.get_center()[1 if flat else 0]
            along, across = (axes.yaxis, axes.xaxis) if flat else (axes.xaxis, axes.yaxis)
            place = _at(along, float(middle), named)
            return "; ".join([*filter(None, [label]), f"{place}, {_at(across, value, named)}"])
    return label


def _tick_names(axis: Axis) -> dict[float, str]:
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
    return {float(at): tick.get_text() for at, tick in ticks if tick.get_text()}


def _at(axis: Axis, value: float, named: _Names) -> str:
    """A position by its axis's label and its tick's text, if it has one."""
    text = named(axis).get(float(value), f"{float(value):,.4g}")
    return f"{axis.get_label_text()} {text}".strip()

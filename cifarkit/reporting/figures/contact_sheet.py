"""Draws a contact sheet of small images with captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from cifarkit.reporting.figures import style
from cifarkit.text import shortened, width

_ACROSS = 6
_LINE = 9.0
"""Line spacing of captions, in points."""
_TITLE, _CAPTION, _GAP = 0.42, 0.46, 0.12
"""Inches above the first row, below each image, and between two images."""


def draw(
    title: str, images: npt.NDArray[np.uint8], captions: Sequence[tuple[str, str, str]]
) -> Figure:
    """Draw six images per row, with true class (bold), predicted class and confidence below.

    Args:
        images: (n, height, width, 3) RGB.
        captions: The three lines below each.
    """
    down = -(-len(images) // _ACROSS)
    side = (style.WIDTH - (_ACROSS + 1) * _GAP) / _ACROSS
    rows, columns = images.shape[1:3]
    tall = side * min(rows / columns, 1.5)
    height = _TITLE + (tall + _CAPTION) * down
    with style.look():
        figure = style.new_figure(height, title, "")
        # A constrained layout would shrink the images to make room for wide captions.
        figure.set_layout_engine("none")
        for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
            row, column = divmod(number, _ACROSS)
            left = _GAP + column * (side + _GAP)
            top = _TITLE + row * (tall + _CAPTION)
            axes = figure.add_axes(
                (
                    left / style.WIDTH,
                    1 - (top + tall) / height,
                    side / style.WIDTH,
                    tall / height,
                )
            )
            axes.set_axis_off()
            axes.imshow(image, interpolation="bicubic")
            room = style.pixels(axes, 72 * (side + _GAP / 2))
            for line, text in enumerate(caption):
                _fit(_line(axes, text, line), room)
    return figure


def _line(axes: Axes, text: str, number: int) -> Text:
    return axes.annotate(
        text,
        (0.5, 0),
        xytext=(0, -3 - _LINE * number),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=7,
        weight="bold" if number == 0 else "normal",
        color=style.GREY if number == 2 else style.BLACK,
    )


def _fit(line: Text, room: float) -> None:
    """Shorten a line to the width of its image, so that neighbours do not overlap."""
    whole = line.get_text()
    columns = width(whole)
    while line.get_window_extent().width > room and columns > 2:
        columns -= 1
        line.set_text(shortened(whole, columns))

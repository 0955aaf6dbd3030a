"""Draws a reliability curve (accuracy against confidence) and the number of images per bin."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cifarkit.evaluation.calibration import Calibration, ReliabilityBin
from cifarkit.evaluation.metrics import wilson_interval
from cifarkit.reporting.figures import style

_FOOTNOTE = (
    "Each dot is one of the bins of equal width that holds images, with Wilson's 95% interval. "
    "Below the dashed line the network is more confident than it is right."
)


def draw(title: str, calibration: Calibration) -> Figure:
    """Draw the curve above and the images per bin below, on a common axis."""
    bins = [one for one in calibration.bins if one.images]
    with style.look():
        figure = style.new_figure(5.6, title, _FOOTNOTE)
        curve, images = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3.2, 1)})
        _curve(curve, bins)
        widths = [one.upper - one.lower for one in bins]
        images.bar(
            [one.lower for one in bins],
            [one.images for one in bins],
            widths,
            align="edge",
            color=style.SKY,
            edgecolor="white",
            linewidth=0.8,
        )
        images.set_xlabel("Confidence: the probability given to the predicted class")
        images.set_ylabel("Test images")
        images.grid(axis="y")
        style.plain_numbers(images, "y")
        style.settle(figure)
    return figure


def _curve(axes: Axes, bins: list[ReliabilityBin]) -> None:
    # These bins are not empty, so that both means exist.
    across = [one.confidence or 0.0 for one in bins]
    up = [one.accuracy or 0.0 for one in bins]
    spans = [
        wilson_interval(round(accuracy * one.images), one.images)
        for accuracy, one in zip(up, bins, strict=True)
    ]
    axes.plot([0, 1], [0, 1], "--", color=style.GREY, linewidth=1, label="as right as confident")
    axes.vlines(
        across, [span.low for span in spans], [span.high for span in spans], colors=style.BLUE
    )
    axes.plot(across, up, "o-", color=style.BLUE, markersize=5, linewidth=1.4, label="measured")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("Accuracy")
    axes.grid()
    axes.legend(loc="upper left", fontsize=8)

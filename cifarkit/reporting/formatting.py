"""Formatting of measured numbers."""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cifarkit.evaluation.metrics import Interval

GAP = "\N{EN DASH}"
"""The text of an empty cell."""


def trimmed(value: float, decimals: int) -> str:
    """At most that many decimals, no trailing zeros, thousands separated: `25.6`, `1,033.792`."""
    if not math.isfinite(value):
        return str(value)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def significant(value: float, digits: int = 3) -> str:
    """At least this many significant digits; integer digits are never rounded away."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def count(value: float) -> str:
    """`18,514,084`; a mean of counts keeps one decimal."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def megabytes(value: float) -> str:
    """The published form of the estimate, a multiple of 1.024: `25.6`, `33.792`."""
    return trimmed(value, 3)


def seconds(value: float) -> str:
    """`116.47`, `2,467.44`; whole seconds where hundredths are not meaningful."""
    return f"{value:,.2f}" if abs(value) < 10_000 else f"{value:,.0f}"


def share(fraction: float) -> str:
    """A measured share, all of a column with one decimal: `1.0%`, `15.3%`."""
    return f"{fraction:.1%}"


def interval(span: Interval, decimals: int) -> str:
    """`0.489 to 0.511`."""
    return f"{span.low:.{decimals}f} to {span.high:.{decimals}f}"


def accuracy_decimals(test_images: int) -> int:
    """How many decimals of an accuracy are meaningful.

    With 8,000 test images the 95% interval is +-0.008, and two models that share the images are
    distinguished more finely than that: the third decimal is worth showing. Below 1,000 images the
    interval is +-0.02 or more, and it is not. The published study printed two.
    """
    return 3 if test_images >= 1000 else 2


def mean_and_spread(values: list[float], decimals: int) -> str:
    """The mean; of several values, with their sample standard deviation: `0.783 ± 0.004`."""
    mean = fmean(values)
    if len(values) == 1:
        return f"{mean:.{decimals}f}"
    # Thirty times faster than `statistics.stdev`, which uses fractions.
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return f"{mean:.{decimals}f} ± {spread:.{decimals}f}"

"""The interval of a mean over random splits of the same images."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.metrics import Interval


def resampled_interval(differences: Sequence[float], held_out: float) -> Interval:
    """The 95% interval of a mean difference of accuracy, one from each of several random splits.

    The splits share most of their training images, so that the differences are correlated and
    their mean varies more than their variance over their number: by `held_out` times that variance
    more.

    Source: Nadeau & Bengio 2003, "Inference for the generalization error", Machine Learning 52,
    239-281, the corrected resampled t-test.

    Args:
        differences: At least 2.
        held_out: Validation images for each training image, 1/9 of a tenth held out.

    Raises:
        InvalidInput: There are fewer than 2 differences.
    """
    if len(differences) < 2:
        raise InvalidInput(f"an interval over splits takes 2 or more, got {len(differences)}")
    from scipy.special import stdtrit

    mean, splits = fmean(differences), len(differences)
    error = sqrt((1 / splits + held_out) * variance(differences, mean))
    half = float(stdtrit(splits - 1, 0.975)) * error
    return Interval(max(-1.0, mean - half), min(1.0, mean + half))

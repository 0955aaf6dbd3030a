"""Sentences that summarize one network's evaluation."""

from __future__ import annotations

import numpy as np

from cifarkit.evaluation.calibration import BINS
from cifarkit.reporting import formatting
from cifarkit.reporting.evaluation_result import Scores
from cifarkit.text import counted


def error_sentences(scores: Scores) -> str:
    """The share of errors within the superclass, compared with chance."""
    found = scores.groups
    assert found is not None
    if found.share_inside is None or found.chance_inside is None:
        return "There are no errors."
    return (
        f"Of {counted(found.errors, 'error')}, {found.errors_inside:,} "
        f"({formatting.share(found.share_inside)}) stayed inside the superclass: the image was "
        "taken for another class of the same one. Errors spread evenly over all other classes "
        f"would stay inside in {formatting.share(found.chance_inside)} of the cases."
    )


def calibration_sentences(scores: Scores) -> str:
    """The calibration error, and whether the network is over- or underconfident, if significant."""
    confidence = mean_confidence(scores)
    interval, right = scores.top1.interval, scores.top1.accuracy
    if interval.low <= confidence <= interval.high:
        verdict = "the two are not distinguishable"
    else:
        side = "over" if confidence > right else "under"
        verdict = f"the network is {side}confident"
    return (
        f"The expected calibration error (ECE, {BINS} bins of equal width) is "
        f"{scores.calibration.expected_error:.3f}. The mean confidence, the probability given to "
        f"the predicted class, is {confidence:.3f}, and the accuracy {right:.3f}: {verdict}."
    )


def mean_confidence(scores: Scores) -> float:
    """The mean of the highest probabilities, 0..1."""
    # sum float16 values as float64
    return float(np.mean(scores.predictions.probabilities.max(axis=1), dtype=np.float64))

"""Sentences that summarize one network's evaluation."""

from __future__ import annotations

import numpy as np

from cifarkit.evaluation.calibration import BINS
from cifarkit.reporting import formatting
from cifarkit.reporting.evaluation_scores import Scores
from cifarkit.text import counted, listed

_NAMED = 20
"""The most classes without images that are listed."""


def file_sentences(scores: Scores) -> list[str]:
    """Describes predictions that no trial made."""
    saved, classes = scores.predictions, len(scores.class_names)
    sentences = [
        f"{saved.source or 'Predictions saved in a file'}: {counted(len(saved.labels), 'image')}, "
        f"{counted(classes, 'class', 'classes')}."
    ]
    if not scores.named:
        sentences.append(
            "The file does not name the classes, which are numbered (--class-names or "
            "--dataset names them)."
        )
    if saved.probabilities is None:
        sentences.append(
            "The file has no probabilities: there is no calibration, negative log-likelihood, "
            "Brier score or top-5 accuracy."
        )
    return [*sentences, *saved.notes]


def class_sentences(scores: Scores) -> list[str]:
    """The classes without a test image, and probabilities of 0 for the true class."""
    sentences = []
    if absent := [scores.shown(label) for label in scores.without_images]:
        more = [f"{len(absent) - _NAMED:,} more"] if len(absent) > _NAMED else []
        shown = listed([*absent[:_NAMED], *more])
        sentences.append(
            f"{counted(len(absent), 'class', 'classes')} without a test image: {shown}."
        )
    if zeros := scores.images.zeros:
        sentences.append(
            f"{counted(zeros, 'image')} gave the true class a probability of 0 as saved; the "
            "negative log-likelihood counts it as the smallest positive number of that type."
        )
    return sentences


def error_sentences(scores: Scores) -> str:
    """The share of errors within the superclass, compared with chance."""
    found = scores.groups
    assert found is not None
    if found.share_inside is None or found.chance_inside is None:
        return "There are no errors."
    return (
        f"Of {counted(found.errors, 'error')}, {found.errors_inside:,} "
        f"({formatting.share(found.share_inside)}) stayed inside the superclass: the image was "
        "assigned to another class of it. Errors spread evenly over all other classes "
        f"would stay inside in {formatting.share(found.chance_inside)} of the cases."
    )


def calibration_sentences(scores: Scores) -> str:
    """The calibration error, and whether the network is over- or underconfident, if significant."""
    confidence, error = mean_confidence(scores), scores.intervals.get("ece")
    assert confidence is not None
    spread = f" (95% interval {formatting.interval(error, 3)})" if error else ""
    interval, right = scores.top1.interval, scores.top1.accuracy
    if interval.low <= confidence <= interval.high:
        verdict = "the two are not distinguishable"
    else:
        side = "over" if confidence > right else "under"
        verdict = f"the network is {side}confident"
    return (
        f"The expected calibration error (ECE, {BINS} bins of equal width) is "
        f"{scores.metrics['ece']:.3f}{spread}. The mean confidence, the probability "
        f"given to the predicted class, is {confidence:.3f}, and the accuracy {right:.3f}: "
        f"{verdict}."
    )


def mean_confidence(scores: Scores) -> float | None:
    """The mean of the highest probabilities, 0..1; None without probabilities."""
    confidence = scores.images.confidence
    return None if confidence is None else float(np.mean(confidence))

"""Explains what a trial's network predicts: Grad-CAM of some test images."""

from __future__ import annotations

from typing import Any

import numpy as np

from cifarkit.errors import InvalidInput
from cifarkit.reporting.evaluation_scores import Scores
from cifarkit.reporting.explanations import ExplainedImage, Explanations
from cifarkit.reporting.misclassifications import (
    ImagesUnavailable,
    Mistake,
    chosen_images,
    mistakes,
    test_data,
)

MOST = 200


def check_count(count: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
        raise InvalidInput(f"--explain: give a whole number from 1 to {MOST}, got {count!r}")


def explain(scores: Scores, count: int) -> Explanations:
    """Grad-CAM of the most confident mistakes and of as many random test images.

    Args:
        scores: Of a trial that kept its weights.
        count: How many of each.

    Raises:
        InvalidInput: There are no kept weights, the images are not there, or the network has no
            feature map.
    """
    from cifarkit.deploy import grad_cam, trial_model
    from cifarkit.training.cost_estimate import import_quietly
    from cifarkit.training.keras_compat import import_keras

    check_count(count)
    if scores.record is None:
        raise InvalidInput("--explain needs a trial with its weights, not a file of predictions")
    trial_model.check_kept(scores.record)
    wrong = mistakes(scores, count)
    rng = np.random.Generator(np.random.PCG64(0))
    others = np.setdiff1d(np.arange(scores.top1.images), [one.image for one in wrong])
    drawn = np.sort(rng.permutation(others)[:count])
    chosen = [*wrong, *chosen_images(scores, drawn)]
    numbers = [one.image for one in chosen]
    try:
        data = test_data(scores.record, scores.predictions.labels)
    except ImagesUnavailable as reason:
        raise InvalidInput(f"--explain needs the test images: {reason}") from None
    import_quietly()
    import_keras()
    pixels = np.ascontiguousarray(data.test_images[numbers])
    classes = np.array([one.predicted for one in chosen], np.int64)
    found = grad_cam.of_trial(scores.record, pixels, classes)
    return Explanations(
        tuple(
            _explained(
                one,
                "mistake" if at < len(wrong) else "random",
                data.test_files[one.image] if data.test_files else "",
                found.maps[at],
                found.shuffled[at],
                pixels[at],
            )
            for at, one in enumerate(chosen)
        ),
        found.layer,
        int((found.predictions != classes).sum()),
    )


def _explained(
    one: Mistake, chosen: Any, file: str, map_: Any, shuffled: Any, pixels: Any
) -> ExplainedImage:
    shown = np.maximum(map_, 0)
    return ExplainedImage(
        image=one.image,
        file=file,
        chosen=chosen,
        label=one.label,
        predicted=one.predicted,
        confidence=one.confidence,
        map=shown / shown.max() if shown.max() > 0 else shown,
        rank_correlation=rank_correlation(map_, shuffled),
        pixels=pixels,
    )


def rank_correlation(first: Any, second: Any) -> float | None:
    """Spearman's rank correlation of two maps; None if one of them is constant or not finite."""
    from scipy.stats import spearmanr

    if not all(np.isfinite(one).all() and np.ptp(one) > 0 for one in (first, second)):
        return None
    return float(spearmanr(first.ravel(), second.ravel()).statistic)

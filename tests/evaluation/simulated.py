"""Made-up correctness of image classifiers, of which the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Arms = dict[str, dict[int, NDArray[np.bool_]]]


def simulate(
    rng: np.random.Generator,
    *,
    accuracies: Sequence[float],
    images: int,
    seeds: int = 1,
    image_share: float = 0.8,
    arm_image_share: float = 0.0,
    seed_deviation: float | Sequence[float] = 0.0,
) -> Arms:
    """Arms "0", "1", ... whose expected accuracies are `accuracies`.

    An image is right where a standard normal variable lies below the quantile of the accuracy. Of
    its variance `image_share` is the image's difficulty, the same for every run (0.8 leaves two
    runs of accuracy 0.83 discordant on 12.8% of the images, as independent trainings are),
    `arm_image_share` is what an arm's runs have in common, and the rest is each run's own. A run's
    accuracy is off by a normal error of standard deviation `seed_deviation`, of each arm or all.
    """
    own_share = 1 - image_share - arm_image_share
    difficulty = rng.standard_normal(images, dtype=np.float32) * np.sqrt(image_share)
    deviations = np.broadcast_to(seed_deviation, len(accuracies))
    arms: Arms = {}
    for arm, accuracy in enumerate(accuracies):
        suited = rng.standard_normal(images, dtype=np.float32) * np.sqrt(arm_image_share)
        targets = accuracy + deviations[arm] * rng.standard_normal(seeds)
        own = rng.standard_normal((seeds, images), dtype=np.float32) * np.sqrt(own_share)
        right = difficulty + suited + own < norm.ppf(targets)[:, None]
        arms[str(arm)] = dict(enumerate(right))
    return arms


def from_patterns(patterns: Sequence[tuple[int, str]]) -> Arms:
    """Arms "0", "1", ... of one run, seed 0, from `(images, "101")`: right, wrong, right."""
    rows = np.concatenate(
        [np.tile([digit == "1" for digit in bits], (count, 1)) for count, bits in patterns]
    )
    return {str(arm): {0: rows[:, arm].copy()} for arm in range(rows.shape[1])}

"""Claim: the intervals of F1, of balanced accuracy and of the calibration error contain the truth.

    python -m benchmarks.metric_intervals --draws 300

Each draw is a new set of test images for one fixed network; counted is the share of draws whose 95%
interval contains the network's true value. Percentiles of the bootstrap stand beside the interval
of the calibration error that `cifarkit evaluate` gives.
"""

from __future__ import annotations

import argparse
from unittest.mock import patch

import numpy as np

from cifarkit.evaluation import image_scores
from cifarkit.evaluation.class_scores import balanced_interval, class_scores
from cifarkit.evaluation.confusion import Confusion
from cifarkit.evaluation.metrics import Interval

LEVEL_OF_TWO = 0.975
"""Of each of two classes, so that both hold at once with 95%."""


def f1(images: int, fixed: bool, draws: int) -> float:
    """Two classes, recalls 0.8 and 0.9; class sizes fixed by design or drawn."""
    rng = np.random.default_rng(1)
    truth = 2 * 0.8 / (2 * 0.8 + 0.2 + 0.1)
    covered = 0
    for _ in range(draws):
        size = images if fixed else int(rng.binomial(2 * images, 0.5))
        right, false = rng.binomial(size, 0.8), rng.binomial(2 * images - size, 0.1)
        counts = np.array([[right, size - right], [false, 2 * images - size - false]])
        one = class_scores(Confusion(counts, np.zeros(2, np.int64)))[0].f1
        assert one is not None
        covered += _contains(one.interval, truth)
    return covered / draws


def balanced(images: tuple[int, int], recalls: tuple[float, float], draws: int) -> float:
    """Ten classes, five of each kind."""
    rng = np.random.default_rng(2)
    sizes, recall = np.repeat(images, 5), np.repeat(recalls, 5)
    found = (balanced_interval(sizes, rng.binomial(sizes, recall)) for _ in range(draws))
    return sum(_contains(one, float(recall.mean())) for one in found) / draws


def calibration(images: int, over: float, draws: int, replicates: int) -> tuple[float, float]:
    """A network of two classes whose accuracy is its confidence less `over`.

    Returns:
        The coverage of our interval, and of the bootstrap's percentiles.
    """
    rng = np.random.default_rng(0)
    ours = percentiles = 0
    with patch.object(image_scores, "REPLICATES", replicates):
        for _ in range(draws):
            confidence = rng.uniform(0.5, 1, images)
            table = np.stack([confidence, 1 - confidence], axis=1)
            labels = (rng.random(images) >= confidence - over).astype(np.int64)
            scores = image_scores.image_scores(labels, np.zeros(images, int), 2, table)
            ours += _contains(image_scores.bootstrap_intervals(scores)["ece"], over)
            drawn = [
                scores.metrics(rng.integers(images, size=images))["ece"] for _ in range(replicates)
            ]
            percentiles += _contains(Interval(*np.quantile(drawn, (0.025, 0.975))), over)
    return ours / draws, percentiles / draws


def _contains(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--draws", type=int, default=300, help="for each row")
    draws = options.parse_args().draws
    print("| interval | images | of | coverage |")
    print("|" + " --- |" * 4)
    for images in (30, 300):
        for fixed in (True, False):
            sizes = "class sizes fixed" if fixed else "class sizes drawn"
            covered = f1(images, fixed, draws)
            print(f"| F1, {LEVEL_OF_TWO} | {2 * images} | {sizes} | {covered:.3f} |")
    for counts in ((10, 40), (100, 100)):
        for recalls in ((0.98, 0.85), (0.99, 0.99)):
            covered = balanced(counts, recalls, draws)
            each = f"5 classes of {counts[0]}, 5 of {counts[1]}"
            of = f"recalls {recalls[0]} and {recalls[1]}"
            print(f"| balanced accuracy | {each} | {of} | {covered:.3f} |")
    for images in (400, 4_000):
        for over in (0.0, 0.03, 0.1):
            ours, percentiles = calibration(images, over, draws, 200)
            print(
                f"| calibration error | {images:,} | overconfident by {over} | {ours:.3f}, "
                f"percentiles {percentiles:.3f} |"
            )


if __name__ == "__main__":
    main()

"""Claim: the highest validation accuracy is a better choice than the cheapest of the arms that the
images cannot tell from it.

    python -m benchmarks.choice --studies 600

Simulated studies with one run in each arm: an image is predicted right if a normal score, the sum
of the image's own part and the run's, lies below the run's threshold (a probit model). The best arm
has accuracy 0.83, another seed changes an arm's true accuracy with a standard deviation of 0.45
points, and two equally good runs disagree on 12.8% of the images. The cheaper an arm, the worse it
is. The loss of a choice is the true accuracy of the best arm less that of the chosen one, seeds
apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest, multivariate_normal, norm

from cifarkit.studies.costs import COSTS
from cifarkit.studies.selection import pick

ACCURACY, DISAGREE, SEED_SD = 0.83, 0.128, 0.0045
DEPTH = (0.0, 0.01, 0.015, 0.04)
"""How far each arm's true accuracy is below the best one's; each costs half of the one before."""
SIZE = (0.0, 0.01, 0.015, 0.02, 0.03, 0.05)
WORSE = 0.01

Rule = Callable[[NDArray[np.bool_], Sequence[float]], int]
"""From (arms, images) bool, right or not, and the arms' costs the number of the arm chosen."""


@cache
def image_share() -> float:
    """The image's share of the score's variance: of it follows how often two runs disagree."""
    threshold = norm.ppf(ACCURACY)

    def excess(share: float) -> float:
        both = multivariate_normal(cov=[[1, share], [share, 1]]).cdf([threshold, threshold])
        return float(2 * (ACCURACY - both) - DISAGREE)

    return float(brentq(excess, 0.01, 0.999))


def study(rng: np.random.Generator, losses: Sequence[float], images: int) -> NDArray[np.bool_]:
    """(arms, images): which validation images each arm's run predicts right."""
    share = image_share()
    score = np.sqrt(share) * rng.standard_normal(images)
    score = score + np.sqrt(1 - share) * rng.standard_normal((len(losses), images))
    accuracies = ACCURACY - np.array(losses) + SEED_SD * rng.standard_normal(len(losses))
    return score < norm.ppf(accuracies)[:, None]


def by_accuracy(right: NDArray[np.bool_], costs: Sequence[float], tolerance: float = 0.0) -> int:
    """The rule of `cifarkit study`."""
    shares = [Fraction(int(count), right.shape[1]) for count in right.sum(axis=1)]
    if not tolerance:
        return max(range(len(shares)), key=shares.__getitem__)
    return pick(shares, costs, tolerance, COSTS["time"].cheaper)


def by_old_rule(right: NDArray[np.bool_], costs: Sequence[float]) -> int:
    """The rule of the first versions.

    The cheapest of the arms that are not distinguishable from the best one by McNemar's exact test,
    with Holm's correction over all pairs of arms.
    """
    best = int(right.sum(axis=1).argmax())
    pairs = list(combinations(range(len(right)), 2))
    p = np.array([_mcnemar_p(right[one], right[other]) for one, other in pairs])
    order = p.argsort()
    holm = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    worse = {
        arm
        for index, adjusted in zip(order, holm, strict=True)
        for arm in pairs[index]
        if best in pairs[index] and arm != best and adjusted < 0.05
    }
    return min((arm for arm in range(len(right)) if arm not in worse), key=costs.__getitem__)


def _mcnemar_p(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    only_one = int(np.count_nonzero(one & ~other))
    discordant = only_one + int(np.count_nonzero(~one & other))
    return binomtest(only_one, discordant).pvalue if discordant else 1.0


RULES: dict[str, Rule] = {
    "first versions": by_old_rule,
    "highest": by_accuracy,
    "within 0.005": partial(by_accuracy, tolerance=0.005),
}


def simulate(rule: Rule, losses: Sequence[float], images: int, studies: int) -> tuple[float, float]:
    """The share of studies that choose an arm at least a point worse, and the mean loss."""
    rng = np.random.default_rng(20261125)  # the same studies for every rule
    costs = [0.5**arm for arm in range(len(losses))]
    lost = [losses[rule(study(rng, losses, images), costs)] for _ in range(studies)]
    return float(np.mean(np.array(lost) >= WORSE)), float(np.mean(lost))


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--studies", type=int, default=600, help="simulated for each row")
    studies = options.parse_args().studies
    print("| step | validation images | rule | 1 point worse or more | mean loss (points) |")
    print("|" + " --- |" * 5)
    for name, losses in (("depth-like, 4 arms", DEPTH), ("size-like, 6 arms", SIZE)):
        for images in (4_000, 400):
            for rule_name, rule in RULES.items():
                worse, lost = simulate(rule, losses, images, studies)
                print(f"| {name} | {images:,} | {rule_name} | {worse:.2f} | {100 * lost:.2f} |")


if __name__ == "__main__":
    main()

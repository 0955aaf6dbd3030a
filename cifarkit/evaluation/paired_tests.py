"""Paired tests: two settings, several seeds each, compared on the same images.

Seeds and images are both samples: other seeds and other images would have given other numbers.
Everything here takes `differences`, (seeds, images) int8: 1 where the first setting's model of that
seed got the image right and the second setting's did not, -1 for the reverse, and 0
elsewhere. A row is the pair of models that share a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from cifarkit.evaluation.metrics import Interval

RESAMPLES = 2000
EXACT_SEEDS = 16
"""The most seeds for which all sign patterns (65,536) are enumerated."""

_SIGN_DRAWS = 2**16 - 1
_RANDOM_SEED = 20090417
"""Fixed, so that the same predictions give the same text every time."""
_CHUNK_CELLS = 2**22
_MOST_CELLS_AS_FLOATS = 2**25
"""Draws are kept as floats, ready to multiply with, up to these many: 128 MB, 16,777 images."""


def sign_flip_p(differences: NDArray[np.int8]) -> float:
    """The two-sided p, 0..1, that the settings do not differ, over the seeds and on these images.

    If they do not, swapping the two models of a seed changes nothing, so every pattern of signs
    of the seeds' differences is equally likely; p is the share of patterns whose sum is at least
    as far from 0 as the one seen. The smallest p of k seeds is 2 / 2**k. All patterns are counted
    up to 16 seeds; beyond, random ones, and the one seen is counted as one of them, which keeps
    the test valid.

    Source: Fisher 1935, The Design of Experiments, section 21; for random patterns Phipson & Smyth
    2010, "Permutation p-values should never be zero", Statistical Applications in Genetics and
    Molecular Biology 9, article 39.
    """
    return _sign_flip_p(differences.sum(axis=1, dtype=np.float64))


def _sign_flip_p(by_seed: NDArray[np.float64]) -> float:
    """The sign-flip p of the seeds' sums; integers, not means, make ties exact."""
    seen = abs(by_seed.sum())
    if by_seed.size <= EXACT_SEEDS:
        sums = _sign_patterns(by_seed.size) @ by_seed
        return float(np.count_nonzero(np.abs(sums) >= seen) / sums.size)
    rng = np.random.default_rng(_RANDOM_SEED)
    signs = rng.integers(0, 2, size=(_SIGN_DRAWS, by_seed.size)) * 2 - 1
    as_far = np.count_nonzero(np.abs(signs @ by_seed) >= seen)
    return float((as_far + 1) / (_SIGN_DRAWS + 1))


@lru_cache(maxsize=4)
def _sign_patterns(seeds: int) -> NDArray[np.float64]:
    """(2**(seeds - 1), seeds) of 1 and -1; their products with integers are exact.

    A pattern and its mirror image have the same distance from 0: the first sign can stay.
    """
    numbers = np.arange(2 ** (seeds - 1))[:, None]
    return 1.0 - 2.0 * (numbers >> np.arange(seeds) & 1)[:, ::-1].astype(np.float64)


def seeds_needed(comparisons: int, level: float) -> int:
    """The fewest seeds whose smallest sign-flip p, times the comparisons, is below `level`.

    That is the first step of Holm's method: with fewer no difference, however large, can be shown.
    With a level of 0.05 one comparison needs 6 seeds, and ten need 9.
    """
    seeds = 1
    while comparisons * 2 / 2**seeds >= level:
        seeds += 1
    return seeds


def crossed_variance(differences: NDArray[np.int8]) -> float:
    """The variance of the mean difference, as `crossed_intervals` resamples it, in closed form.

    Independent images alone would give too small a variance, and so would independent seeds. This
    one holds both parts, and counts what is particular to a seed on an image up to three times, so
    that it errs on the safe side.

    Source: Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 386-411; here the
    expectation over both multinomials is written out.

    Args:
        differences: (seeds, images) int8, at least 2 seeds.
    """
    return _crossed_variance(differences.astype(np.float64))[0]


def _crossed_variance(whole: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """`crossed_variance` of differences as floats, and their sums by seed on the way to it."""
    seeds, images = whole.shape
    drawn = seeds - 1
    same_seed, any_seeds = 1 / (drawn * seeds), (1 - 1 / drawn) / seeds**2
    same_image, any_images = 1 / images**2, (1 - 1 / images) / images**2
    # Integer products are exact, and faster than sums along an axis.
    by_seed, by_image = whole @ np.ones(images), np.ones(seeds) @ whole
    total = by_seed.sum()
    square = (
        any_seeds * any_images * total**2
        + any_seeds * same_image * (by_image @ by_image)
        + same_seed * any_images * (by_seed @ by_seed)
        + same_seed * same_image * np.vdot(whole, whole)  # each is -1, 0 or 1
    )
    mean = total / (seeds * images)
    return max(0.0, float(square - mean**2)), by_seed


def seeds_p(differences: NDArray[np.int8]) -> float:
    """The two-sided p, 0..1, that the settings do not differ, over seeds and images alike.

    It is the larger of two: `sign_flip_p`, exact for few seeds, which takes the images for given;
    and that of the mean difference over the square root of `crossed_variance`, taken as standard
    normal, which holds the images to be a sample. The first alone calls settings different that
    merely suit these images, once there are many seeds.

    Args:
        differences: (seeds, images) int8, at least 2 seeds.
    """
    variance, by_seed = _crossed_variance(differences.astype(np.float64))
    p = _sign_flip_p(by_seed)
    if variance == 0:
        return p
    mean = abs(float(by_seed.sum())) / differences.size
    return max(p, erfc(mean / sqrt(2 * variance)))


def crossed_intervals(pairs: Sequence[NDArray[np.int8]]) -> list[Interval]:
    """The 95% percentile interval of each mean difference, by a crossed bootstrap.

    Each of the 2,000 resamples draws the images with replacement, the same for every pair and
    seed, and the seeds with replacement, both models of a seed together. Of k seeds k - 1 are
    drawn: k would make the seeds' part of the variance too small by (k - 1) / k, which matters with
    few. With 2 or 3 seeds that differ much the interval is still too short: in simulations without
    a difference it covered 0 in about 87% and 90% of cases; from 5 seeds, in 95% and more.

    Sources: Owen 2007 (see `crossed_variance`) for drawing both; McCarthy & Snowden 1985, "The
    bootstrap and finite population sampling", Vital and Health Statistics 2(95), for k - 1.

    Args:
        pairs: Of each pair of settings its `differences`, (seeds, images), at least 2 seeds. The
            images are the same ones throughout; seeds may differ in number.

    Returns:
        One interval for each pair, in accuracy (-1..1).
    """
    if not pairs:
        return []
    by_run = _resample_images(np.concatenate(pairs))
    means = np.empty((len(pairs), RESAMPLES))
    start = 0
    for row, seeds in enumerate(map(len, pairs)):
        rows = by_run[start : start + seeds]
        start += seeds
        means[row] = (rows * _drawn_seeds(seeds)).sum(axis=0) / (seeds - 1)
    lows, highs = np.quantile(means, [0.025, 0.975], axis=1)
    return [Interval(*ends) for ends in zip(lows.tolist(), highs.tolist(), strict=True)]


@lru_cache(maxsize=16)
def _drawn_seeds(seeds: int) -> NDArray[np.int64]:
    """(seeds, RESAMPLES): how often each seed is in each resample.

    The same for the same number of seeds: a pair's interval depends on no other pair.
    """
    chances = np.full(seeds, 1 / seeds)
    random = np.random.default_rng([_RANDOM_SEED, seeds])
    return random.multinomial(seeds - 1, chances, size=RESAMPLES).T


def _resample_images(rows: NDArray[np.int8]) -> NDArray[np.float64]:
    """(rows, RESAMPLES): the mean of every row over each resample of its columns.

    A resample is how often each image was drawn, so that all rows of many resamples are one matrix
    product. Sums of whole numbers below 2**24 are exact in float32, in any order.
    """
    images = rows.shape[1]
    operand = rows.astype(np.float32)
    means = np.empty((len(rows), RESAMPLES))
    step = _resamples_at_once(images)
    for begin in range(0, RESAMPLES, step):
        weights = _drawn(images)[begin : begin + step].astype(np.float32, copy=False)
        means[:, begin : begin + len(weights)] = operand @ weights.T / images
    return means


@lru_cache(maxsize=1)
def _drawn(images: int) -> NDArray[np.uint8] | NDArray[np.float32]:
    """(RESAMPLES, images): how often each image is in each resample.

    The studies of a report share their test images, as a rule: these draws are made once for all.
    """
    rng = np.random.default_rng(_RANDOM_SEED)
    small = RESAMPLES * images <= _MOST_CELLS_AS_FLOATS
    counts = np.empty((RESAMPLES, images), np.float32 if small else np.uint8)
    step = _resamples_at_once(images)
    for begin in range(0, RESAMPLES, step):
        part = counts[begin : begin + step]
        drawn = rng.integers(0, images, size=part.shape)
        drawn += np.arange(len(part))[:, None] * images
        # An image is drawn once on average; 256 draws are practically impossible.
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)
    return counts


def _resamples_at_once(images: int) -> int:
    return max(1, _CHUNK_CELLS // images)

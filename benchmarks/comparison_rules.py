"""Claim: compare() errs in 5% of studies of equal settings, and sees a difference of a point.

    python -m benchmarks.comparison_rules             the summary that docs/statistics.md has
    python -m benchmarks.comparison_rules --cells     each simulated cell as well

Six rules judge simulated studies. A study has several settings (arms), all with the same seeds and
the same test images; runs of one setting of accuracy 0.83 disagree on 12.8% of the images. "False"
is the share of studies of equal settings (in expectation over seeds and images) in which any pair
is called different; "power" is the share of comparisons with an arm that is better by 1 or 2
points in which that arm is called better. Run accuracies are drawn, not images: their mean over
images is normal to a good approximation from 400 images on. The last table runs compare() itself on
drawn images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from cifarkit.evaluation.comparison import compare
from cifarkit.evaluation.studentized_range import critical_value
from tests.evaluation.simulated import simulate

Array = NDArray[np.float64]
DISAGREEMENT = 0.128
NOISE = DISAGREEMENT / 2  # of one run on one image: variance given the setting and the image
RESAMPLES = 300
SPLITS = 5000
SLOW = ("permutation", "bootstrap", "sign flip")


@dataclass(frozen=True)
class Cell:
    """One kind of study. `seed_sd` and differences are in points of accuracy.

    Attributes:
        wild: Whether the first arm has a seed sd of 1.5 instead.
        shared: The share of the seed variance that all arms of a seed have in common.
        suited: The variance on one image that suits a setting and not another, in accuracy squared.
    """

    seeds: int
    arms: int
    seed_sd: float
    images: int
    wild: bool = False
    shared: float = 0.0
    suited: float = 0.0
    difference: float = 0.0


class Studies:
    """Many simulated studies of one kind, and what the rules need of them."""

    def __init__(self, cell: Cell, count: int, rng: np.random.Generator) -> None:
        sd = np.full(cell.arms, cell.seed_sd / 100)
        if cell.wild:
            sd[0] = 0.015
        shape = count, cell.arms, cell.seeds
        seeds = np.sqrt(1 - cell.shared) * rng.standard_normal(shape)
        seeds += np.sqrt(cell.shared) * rng.standard_normal((count, 1, cell.seeds))
        self.cell, self.rng = cell, rng
        self.runs = seeds * sd[:, None] + rng.standard_normal(shape) * np.sqrt(NOISE / cell.images)
        self.runs += rng.standard_normal((count, cell.arms, 1)) * np.sqrt(cell.suited / cell.images)
        self.runs[:, -1] += cell.difference / 100
        self.first, self.second = np.triu_indices(cell.arms, 1)
        self.found = self.pairs(self.runs.mean(2), -1)

    def pairs(self, values: Array, sign: int) -> Array:
        """Sum or difference over each pair of arms."""
        return values[..., self.first] + sign * values[..., self.second]

    @cached_property
    def over_seeds(self) -> Array:
        return self.runs.var(2, ddof=1)

    @cached_property
    def over_images(self) -> Array:
        """The estimated variance of each pair's difference over images, noise included.

        A difference is not 0 on about a fifth of the images, which its precision depends on.
        """
        cell = self.cell
        true = 2 * (cell.suited + NOISE / cell.seeds) / cell.images
        return true * (1 + self.rng.standard_normal(self.found.shape) * np.sqrt(10 / cell.images))

    def beyond(self, variance: Array, df: Array) -> NDArray[np.bool_]:
        return np.abs(self.found) > np.sqrt(variance) * critical(self.cell.arms, df)

    def with_images(self, seeds: Array, df: Array) -> NDArray[np.bool_]:
        """Tukey's test with each arm's seed variance and the images' part."""
        k = self.cell.seeds
        terms = seeds / k
        image = np.maximum(0, self.over_images - 2 * NOISE / k / self.cell.images)
        variance = self.pairs(terms, 1) + image
        return self.beyond(variance, variance**2 / self.pairs(terms**2 / df, 1))


@lru_cache(maxsize=8)
def _critical_grid(arms: int) -> tuple[Array, Array]:
    inverse = np.linspace(1e-3, 1, 200)
    return inverse, np.log([critical_value(arms, 1 / one) for one in inverse])


def critical(arms: int, df: Array) -> Array:
    return np.exp(np.interp(1 / df, *_critical_grid(arms)))


def games_howell(studies: Studies) -> NDArray[np.bool_]:
    """On run accuracies alone: images are taken for given."""
    k = studies.cell.seeds
    terms = studies.over_seeds / k
    variance = studies.pairs(terms, 1)
    return studies.beyond(variance, variance**2 / studies.pairs(terms**2 / (k - 1), 1))


def pooled(studies: Studies) -> NDArray[np.bool_]:
    """One seed variance for all arms, and the images' part."""
    seeds = np.maximum(studies.over_seeds, NOISE / studies.cell.images)
    everywhere = np.broadcast_to(seeds.mean(1, keepdims=True), seeds.shape)
    cell = studies.cell
    k, image = cell.seeds, studies.over_images - 2 * NOISE / cell.seeds / cell.images
    variance = studies.pairs(everywhere / k, 1) + np.maximum(0, image)
    df = cell.arms * (k - 1)
    return studies.beyond(variance, variance**2 / ((2 * everywhere[:, :1] / k) ** 2 / df))


def moderated(studies: Studies) -> NDArray[np.bool_]:
    """compare(): each arm's seed variance, steadied by those of the others."""
    cell = studies.cell
    own, df = np.maximum(studies.over_seeds, NOISE / cell.images), cell.seeds - 1.0
    borrowed = min(2, cell.arms - 2, cell.seeds - 1)
    others = (own.sum(1, keepdims=True) - own) / (cell.arms - 1)
    mixed = (borrowed * others + df * own) / (borrowed + df)
    steadied = mixed > own
    return studies.with_images(np.where(steadied, mixed, own), df + borrowed * steadied)


def holm(p: Array) -> NDArray[np.bool_]:
    """Rejections at 5%, for each row of p values."""
    order = np.argsort(p, axis=1)
    stepped = np.take_along_axis(p, order, 1) * np.arange(p.shape[1], 0, -1)
    rejected = np.maximum.accumulate(stepped, axis=1) < 0.05
    out = np.empty_like(rejected)
    np.put_along_axis(out, order, rejected, 1)
    return out


def permutation(studies: Studies) -> NDArray[np.bool_]:
    """Exact over all splits of two arms' runs (5,000 random ones for 10 seeds), Holm."""
    k = studies.cell.seeds
    if k <= 6:
        firsts = list(combinations(range(2 * k), k))
        signs = np.full((len(firsts), 2 * k), -1.0)
        np.put_along_axis(signs, np.array(firsts), 1.0, 1)
    else:
        half = np.repeat((1.0, -1.0), k)
        signs = np.array([half, *(studies.rng.permutation(half) for _ in range(SPLITS))])
    runs = [studies.runs[:, arms] for arms in (studies.first, studies.second)]
    p = np.empty(studies.found.shape)
    for row, both in enumerate(np.concatenate(runs, 2)):
        sums = np.abs(both @ signs.T)
        p[row] = (sums >= k * np.abs(studies.found[row])[:, None] - 1e-12).mean(1)
    return holm(p)


def bootstrap(studies: Studies) -> NDArray[np.bool_]:
    """Hierarchical: seeds drawn within each arm, and images; the largest studentized difference."""
    k = studies.cell.seeds
    out = np.empty(studies.found.shape, np.bool_)
    image_sd = np.sqrt((studies.cell.suited + NOISE / k) / studies.cell.images)
    for row, runs in enumerate(studies.runs):
        drawn = studies.rng.integers(0, k, (RESAMPLES, *runs.shape))
        means = np.take_along_axis(runs[None], drawn, 2).mean(2) - runs.mean(1)
        means += studies.rng.standard_normal(means.shape) * image_sd
        moved = studies.pairs(means, -1)
        errors = moved.std(0)
        largest = np.quantile(np.abs(moved / errors).max(1), 0.95)
        out[row] = np.abs(studies.found[row]) > largest * errors
    return out


def sign_flip(studies: Studies) -> NDArray[np.bool_]:
    """The rule before: seeds paired, sign flips and a crossed variance, the larger p, Holm."""
    k = studies.cell.seeds
    by_seed = studies.runs[:, studies.first] - studies.runs[:, studies.second]
    patterns = np.array(list(product((1.0, -1.0), repeat=k - 1)))
    signs = np.concatenate([np.ones((len(patterns), 1)), patterns], 1)
    p = (np.abs(by_seed @ signs.T) >= k * np.abs(studies.found)[..., None] - 1e-12).mean(2)
    interaction = 2 * NOISE / k / studies.cell.images
    variance = by_seed.var(2, ddof=1) / k + studies.over_images + interaction
    return holm(np.maximum(p, erfc(np.abs(studies.found) / np.sqrt(2 * variance))))


RULES: dict[str, Callable[[Studies], NDArray[np.bool_]]] = {
    "moderated": moderated,
    "Games-Howell": games_howell,
    "pooled": pooled,
    "permutation": permutation,
    "bootstrap": bootstrap,
    "sign flip": sign_flip,
}


def false(rule: str, cell: Cell, count: int, rng: np.random.Generator) -> float:
    return float(RULES[rule](Studies(cell, count, rng)).any(1).mean())


def power(rule: str, cell: Cell, count: int, rng: np.random.Generator) -> float:
    studies = Studies(cell, count, rng)
    better = RULES[rule](studies) & (studies.found < 0)
    return float(better[:, studies.second == cell.arms - 1].mean())


def cells() -> Iterator[Cell]:
    spreads = [*((sd, False) for sd in (0.1, 0.3, 0.5, 1.0, 1.5)), (0.3, True)]
    kinds = [{}, {"shared": 0.5}, {"suited": 0.005}]
    for seeds, arms, images in product((3, 6, 10), (2, 5, 13), (400, 2000, 10_000)):
        for (sd, wild), kind in product(spreads, kinds):
            yield Cell(seeds, arms, sd, images, wild, **kind)


def print_table(header: list[str], rows: list[list[str]]) -> None:
    print("\n| " + " | ".join(header) + " |\n|" + " --- |" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def errors(every_cell: bool) -> None:
    """The largest share of studies with a false difference, over all cells of a kind."""
    rates: dict[tuple[int, bool, str], list[float]] = {}
    for number, cell in enumerate(cells()):
        found = {}
        for rule in RULES:
            slow = rule in SLOW
            if slow and (cell.images == 2000 or cell.seed_sd in (0.5, 1.0) or cell.suited):
                continue
            rng = np.random.default_rng([1, number])
            found[rule] = false(rule, cell, 200 if slow else 4000, rng)
            rates.setdefault((cell.seeds, cell.wild, rule), []).append(found[rule])
        if every_cell:
            print(cell, {rule: round(rate, 3) for rule, rate in found.items()}, flush=True)
    rows = [
        [str(seeds), "one of 1.5" if wild else "equal"]
        + [f"{np.mean(rates[seeds, wild, r]):.3f}, {max(rates[seeds, wild, r]):.3f}" for r in RULES]
        for seeds, wild in product((3, 6, 10), (False, True))
    ]
    print("Any false difference: mean over cells, and worst cell.")
    print_table(["Seeds", "Seed sd", *RULES], rows)


def powers() -> None:
    rows = []
    for seeds, arms in product((3, 6, 10), (2, 5, 13)):
        cell = Cell(seeds, arms, 0.3, 8000)
        row = [str(seeds), str(arms)]
        for rule in RULES:
            count = 200 if rule in SLOW else 2000
            shown = [
                power(rule, replace(cell, difference=points), count, np.random.default_rng(2))
                for points in (1.0, 2.0)
            ]
            row.append(", ".join(f"{value:.2f}" for value in shown))
        rows.append(row)
    print("Power at 1 point, at 2 points: seed sd 0.3 points, 8,000 images.")
    print_table(["Seeds", "Arms", *RULES], rows)


def drawn_images(studies: int) -> None:
    """compare() itself, on images; its comparisons are those with the highest arm."""
    rows = []
    for seeds, arms, sd, images, suited in (
        (3, 5, 0.003, 2000, 0.0),
        (3, 5, 0.015, 2000, 0.0),
        (6, 5, 0.003, 2000, 0.0),
        (6, 5, 0.003, 400, 0.05),
        (10, 13, 0.003, 400, 0.0),
        (1, 5, 0.0, 2000, 0.0),
    ):
        rng = np.random.default_rng(3)
        wrong = 0
        for _ in range(studies):
            made = simulate(
                rng,
                accuracies=[0.83] * arms,
                images=images,
                seeds=seeds,
                seed_deviation=sd,
                arm_image_share=suited,
            )
            found = compare(made).comparisons
            wrong += any(one.verdict != "not distinguishable" for one in found)
        shown = [seeds, arms, f"{100 * sd:g}", images, suited, f"{wrong / studies:.3f}"]
        rows.append(list(map(str, shown)))
    print(f"compare() on drawn images, {studies} studies of equal settings each.")
    print_table(["Seeds", "Arms", "Seed sd", "Images", "Suited share", "Any false"], rows)


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--cells", action="store_true", help="print every cell")
    asked.add_argument("--studies", type=int, default=1000, help="drawn with images")
    options = asked.parse_args()
    errors(options.cells)
    powers()
    drawn_images(options.studies)


if __name__ == "__main__":
    main()

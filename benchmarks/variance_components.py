"""Are the sources of variance found? Simulated studies with known components.

    python -m benchmarks.variance_components

A run is right on an image with the image's own probability plus effects of the split, the seed
and both together, all normal with a known variance; splits and seeds are crossed. The mean estimate
over many studies should be the true variance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cifarkit.evaluation.variance_components import Source, sources

CASES = {
    "only images": (0.0, 0.0, 0.0),
    "mostly the seed": (0.002, 0.006, 0.003),
    "mostly the split": (0.008, 0.003, 0.002),
    "mostly both together": (0.002, 0.002, 0.008),
}
"""Standard deviations of the split, the seed and their interaction, in accuracy."""
SPLITS, SEEDS = 4, 4


@dataclass(frozen=True)
class Row:
    """One component: true variance, mean estimate and its standard error, of accuracy squared."""

    case: str
    source: Source
    true: float
    mean: float
    standard_error: float


def estimates(studies: int, images: int) -> Iterator[Row]:
    """The mean estimate of every component in every case."""
    rng = np.random.default_rng(20260311)
    for case, (split, seed, both) in CASES.items():
        found: dict[Source, list[float]] = {}
        for _ in range(studies):
            # 0.1 to 0.9, so that no effect leads out of 0..1.
            chance = 0.1 + 0.8 * rng.beta(2, 0.4, images)
            run = rng.normal(0, split, (SPLITS, 1)) + rng.normal(0, seed, (1, SEEDS))
            run = run + rng.normal(0, both, (SPLITS, SEEDS))
            right = rng.random((SPLITS, SEEDS, images)) < chance + run[..., None]
            made = sources({(s, i): right[s, i] for s, i in np.ndindex(SPLITS, SEEDS)})
            assert made is not None
            for source, variance in made.variances.items():
                found.setdefault(source, []).append(variance)
        mean = 0.1 + 0.8 * 2 / 2.4
        of_runs = split**2 + seed**2 + both**2
        true: dict[Source, float] = {
            "split": split**2,
            "seed": seed**2,
            "split and seed": both**2,
            "images": (mean * (1 - mean) - of_runs) / images,
        }
        for source, values in found.items():
            error = float(np.std(values, ddof=1)) / studies**0.5
            yield Row(case, source, true[source], float(np.mean(values)), error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=600)
    parser.add_argument("--images", type=int, default=2000)
    asked = parser.parse_args()
    print(f"{asked.studies} studies of {SPLITS} splits x {SEEDS} seeds, {asked.images} images;")
    print("variances in points squared")
    for row in estimates(asked.studies, asked.images):
        mean, error = 1e4 * row.mean, 1e4 * row.standard_error
        print(f"{row.case:22} {row.source:16} true {1e4 * row.true:.3f}  {mean:.3f} ± {error:.3f}")


if __name__ == "__main__":
    main()

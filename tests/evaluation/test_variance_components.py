"""Shares of split, seed and images: cases counted by hand, and known components recovered."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.variance_components import estimates
from cifarkit.evaluation.variance_components import pooled, sources


def runs(table: object) -> dict[tuple[int, int], np.ndarray]:
    """(splits, seeds, images) of 0 and 1."""
    array = np.array(table, dtype=bool)
    return {(split, seed): array[split, seed] for split, seed in np.ndindex(array.shape[:2])}


def test_two_seeds_of_one_split_by_hand() -> None:
    """Mean squares: runs 1/8, images 11/24, residual 1/8."""
    found = sources(runs([[[1, 1, 1, 0], [1, 0, 1, 0]]]))
    assert found is not None
    assert (found.design, found.splits, found.seeds, found.images) == ("seeds", 1, 2, 4)
    assert found.variances["seed"] == pytest.approx(0)
    # ((11/24 - 1/8) / 2 + 1/8) / 4
    assert found.variances["images"] == pytest.approx((1 / 6 + 1 / 8) / 4)
    assert found.standard_deviation == pytest.approx((7 / 96) ** 0.5)
    assert found.shares == pytest.approx({"seed": 0, "images": 1})


@pytest.mark.parametrize(
    ("table", "variances"),
    [
        # Only the split matters: the accuracies 1 and 0 of two splits have the variance 1/2.
        ([[[1] * 3] * 2, [[0] * 3] * 2], {"split": 0.5, "seed": 0, "split and seed": 0}),
        ([[[1] * 3, [0] * 3]] * 2, {"split": 0, "seed": 0.5, "split and seed": 0}),
        # Neither alone matters: MS = 3 for the interaction and 0 for both, so -3/6 for each.
        (
            [[[1] * 3, [0] * 3], [[0] * 3, [1] * 3]],
            {"split": -0.5, "seed": -0.5, "split and seed": 1},
        ),
        # Only the image matters: 0 and 1 of two images, over the number of images.
        ([[[1, 0]] * 2] * 2, {"images": 0.25, "split": 0, "seed": 0, "split and seed": 0}),
    ],
)
def test_crossed_designs_by_hand(table: object, variances: dict[str, float]) -> None:
    found = sources(runs(table))
    assert found is not None
    assert found.design == "crossed"
    assert found.variances == pytest.approx({"images": 0} | variances)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert min(found.shares.values()) >= 0


def test_the_estimates_are_those_of_the_analysis_of_variance() -> None:
    """Searle et al.'s formulas, written out for three factors."""
    y = np.random.default_rng(0).random((3, 4, 5)) < 0.7
    found = sources(runs(y))
    assert found is not None
    s, i, n = y.shape
    m = y.mean()
    of_s, of_i, of_n = y.mean((1, 2)) - m, y.mean((0, 2)) - m, y.mean((0, 1)) - m
    si = y.mean(2) - m - of_s[:, None] - of_i
    sn = y.mean(1) - m - of_s[:, None] - of_n
    i_n = y.mean(0) - m - of_i[:, None] - of_n
    rest = y - m - of_s[:, None, None] - of_i[:, None] - of_n - si[..., None] - sn[:, None] - i_n
    ms_s, ms_i = i * n * (of_s**2).sum() / (s - 1), s * n * (of_i**2).sum() / (i - 1)
    ms_n = s * i * (of_n**2).sum() / (n - 1)
    ms_si = n * (si**2).sum() / ((s - 1) * (i - 1))
    ms_sn = i * (sn**2).sum() / ((s - 1) * (n - 1))
    ms_in = s * (i_n**2).sum() / ((i - 1) * (n - 1))
    ms = (rest**2).sum() / ((s - 1) * (i - 1) * (n - 1))
    images = (
        (ms_n - ms_sn - ms_in + ms) / (s * i) + (ms_sn - ms) / i + (ms_in - ms) / s + ms
    ) / n  # fmt: skip
    assert found.variances == pytest.approx(
        {
            "split": (ms_s - ms_si - ms_sn + ms) / (i * n),
            "seed": (ms_i - ms_si - ms_in + ms) / (s * n),
            "split and seed": (ms_si - ms) / n,
            "images": images,
        }
    )


def test_what_varies_together_is_one_part() -> None:
    y = np.random.default_rng(0).random((3, 20)) < 0.7
    together = sources({(n, n): run for n, run in enumerate(y)})
    seeds = sources({(0, n): run for n, run in enumerate(y)})
    splits = sources({(n, 0): run for n, run in enumerate(y)})
    assert together is not None
    assert seeds is not None
    assert splits is not None
    assert together.design == "together"
    part = together.variances["split and seed"]
    assert seeds.variances["seed"] == splits.variances["split"] == part
    # One missing run, and a crossed design is none.
    table = runs(np.random.default_rng(0).random((2, 2, 20)) < 0.7)
    del table[1, 1]
    incomplete = sources(table)
    assert incomplete is not None
    assert incomplete.design == "together"
    assert sources({(0, 0): y[0]}) is None


def test_settings_are_averaged() -> None:
    one, other = (sources(runs(t)) for t in ([[[1], [1]]], [[[1], [0]]]))
    assert one is not None
    assert other is not None
    assert pooled([one, other]).variances["seed"] == pytest.approx(0.25)
    assert pooled([one, other]).runs == 4


def test_known_components_are_recovered() -> None:
    """The reduced simulation; the program of `benchmarks` has more studies."""
    for row in estimates(studies=60, images=500):
        assert abs(row.mean - row.true) < 4 * row.standard_error, row

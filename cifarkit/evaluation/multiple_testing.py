"""Holm's correction for multiple testing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cifarkit.errors import InvalidInput


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p values, in the order given; each is at least the p that it adjusts.

    Whatever the dependence between the tests, rejecting those with an adjusted p below 0.05 makes
    any false rejection at all with a probability of at most 0.05.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6, 65-70.

    Raises:
        InvalidInput: A p is not in 0..1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0) & (p <= 1)):  # also rejects NaN
        raise InvalidInput(f"p values lie in 0..1, got {list(p_values)}")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return tuple(adjusted.tolist())

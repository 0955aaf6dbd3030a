from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.multiple_testing import holm

P = st.floats(0, 1)


def test_by_hand() -> None:
    # In order: 0.01 * 4 = 0.04; 0.02 * 3 = 0.06; 0.03 * 2 = 0.06; 0.04 * 1 = 0.04, raised to 0.06.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx((0.06, 0.04, 0.06, 0.06))


def test_at_most_1_and_nothing_to_adjust() -> None:
    assert holm([0.9, 0.8]) == (1, 1)
    assert holm([0.03]) == (0.03,)
    assert holm([]) == ()


@given(st.lists(P, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_between_p_and_bonferroni_in_the_order_given(p: list[float], random) -> None:  # type: ignore[no-untyped-def]
    adjusted = holm(p)
    assert all(a <= b <= min(1, a * len(p)) for a, b in zip(p, adjusted, strict=True))
    assert min(adjusted) == min(1, min(p) * len(p))
    order = random.sample(range(len(p)), len(p))
    assert holm([p[i] for i in order]) == tuple(adjusted[i] for i in order)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_is_refused(p: float) -> None:
    with pytest.raises(InvalidInput, match=r"0\.\.1"):
        holm([0.5, p])

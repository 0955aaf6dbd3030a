"""Layers far from the head learn more slowly, by the factors that the definition gives by hand."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from cifarkit.studies.completion import trial_spec
from cifarkit.training.layer_rates import rate_factors
from cifarkit.training.loop import fit
from cifarkit.training.model_builder import build, precision
from tests.training.test_loop import DATA

RATE, DECAY = 1e-2, 0.1
LENET = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
"""Four layers with weights, each a group, and the head; with a factor of one half."""


def layers(count: int) -> list[Any]:
    return [SimpleNamespace(weights=[object()]) for _ in range(count)]


def test_groups_are_equal_and_at_most_twelve() -> None:
    few = layers(3)
    bare = SimpleNamespace(weights=[])  # such as an activation, which counts for nothing
    factors = rate_factors([few[0], bare, *few[1:]], 0.5)
    assert [factors[id(layer.weights[0])] for layer in few] == [1 / 8, 1 / 4, 1 / 2]

    many = layers(30)
    factors = rate_factors(many, 0.5)
    found = [factors[id(layer.weights[0])] for layer in many]
    assert found == sorted(found)
    sizes = Counter(found)
    assert sorted(sizes) == [0.5**n for n in range(12, 0, -1)]
    assert set(sizes.values()) == {2, 3}
    assert rate_factors([], 0.5) == {}


def one_update(**settings: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The weights before and after the only update."""
    spec = trial_spec(
        **{"model": "lenet", "dataset": "cifar10", "classes": 2, "batch_size": 96, "epochs": 1}
        | {"augment": False, "learning_rate": RATE, "weight_decay": DECAY}
        | settings
    )
    keras.utils.set_random_seed(0)
    with precision(spec.train.precision):
        built = build(spec.model, (32, 32))
    before = built.model.get_weights()
    done, _ = fit(built, DATA, spec.train, emit=lambda _: None, on_epoch=lambda _: None)
    assert done.notes == []
    return before, built.model.get_weights()


@pytest.mark.parametrize("optimizer", ["sgd", "adamax", "rmsprop"])
def test_an_update_is_as_much_smaller(optimizer: str) -> None:
    before, plain = one_update(optimizer=optimizer)
    start, decayed = one_update(optimizer=optimizer, layer_decay=0.5)
    for place, (old, one, other) in enumerate(zip(before, plain, decayed, strict=True)):
        np.testing.assert_array_equal(old, start[place])
        expected = LENET[place // 2] * (one - old)  # each layer has a kernel and a bias
        np.testing.assert_allclose(other - old, expected, rtol=1e-3, atol=1.2e-7)  # of float32
        assert np.abs(expected).max() > 1e-5


@pytest.mark.parametrize("settings", [{}, {"precision": "mixed_float16"}], ids=str)
def test_adamw_by_numpy(settings: dict[str, Any]) -> None:
    """Adam's first update is the rate times the gradient's sign, where that is not near 0."""
    before, after = one_update(optimizer="adamw", layer_decay=0.5, **settings)
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        rate = RATE * LENET[place // 2]
        moved = (new - old + rate * DECAY * old) / rate
        clear = np.abs(moved) > 0.9
        assert clear.mean() > 0.3
        np.testing.assert_allclose(np.abs(moved[clear]), 1, atol=0.1)
        assert np.abs(moved).max() < 1.01


def test_where_it_changes_nothing_it_makes_no_other_training() -> None:
    frozen = {"model": "vgg16", "unfreeze": 0}
    assert trial_spec(**frozen, layer_decay=0.75) == trial_spec(**frozen)
    assert trial_spec(model="vgg16", layer_decay=1.0).trial_id == trial_spec(model="vgg16").trial_id

"""What is used of Keras' internals, each with a check that names it if it changed.

The import of Keras is checked in a process of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit.training import keras_compat

SCRIPT = """
import gc
import sys

from cifarkit.training.keras_compat import import_keras

kept = {"pandas"} if {pandas_first} else set()
for name in kept:
    __import__(name)
import_keras()
unused = {"matplotlib", "pandas", "scipy", "sklearn"}
assert unused & sys.modules.keys() == kept, unused & sys.modules.keys()
assert gc.isenabled()
assert gc.get_freeze_count() > 100_000

import keras
import matplotlib
import pandas
import scipy.stats
import sklearn.base
import tensorflow

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
assert model(tensorflow.zeros((3, 2))).shape == (3, 1)
before = gc.get_freeze_count()
import_keras()  # nothing is left to do
assert gc.get_freeze_count() <= before
"""


def run(*, pandas_first: bool) -> None:
    script = SCRIPT.replace("{pandas_first}", str(pandas_first))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_only_what_a_training_needs_is_imported_and_the_rest_can_be_later() -> None:
    run(pandas_first=False)


def test_what_was_imported_before_stays() -> None:
    run(pandas_first=True)


def network(keras: Any) -> tuple[Any, Any]:
    """A model that holds another one, which has two branches; and the inner one."""
    inputs = keras.Input((4, 4, 3))
    normalized = keras.layers.BatchNormalization()(inputs)
    left = keras.layers.Conv2D(2, 1)(normalized)
    inner = keras.Model(inputs, keras.layers.Concatenate()([left, normalized]), name="inner")
    images = keras.Input((4, 4, 3))
    return keras.Model(images, keras.layers.Dense(2)(inner(images))), inner


def check_producer(keras: Any) -> None:
    _, inner = network(keras)
    operation, place = keras_compat.producer(inner.outputs[0])
    assert (type(operation).__name__, place) == ("Concatenate", 0)


def check_calls_within(keras: Any) -> None:
    _, inner = network(keras)
    conv = next(layer for layer in inner.layers if type(layer) is keras.layers.Conv2D)
    conv(keras.Input((9, 9, 3)))  # a call of another model's
    (call,) = keras_compat.calls_within(conv, inner.operations)
    assert call.args[0].shape == (None, 4, 4, 3)
    assert call.kwargs == {}


def check_flat(keras: Any) -> None:
    model, _ = network(keras)
    flat = keras_compat.flat(model)
    assert not any(isinstance(layer, keras.Model) for layer in flat.layers)
    assert {id(weight) for weight in flat.weights} == {id(weight) for weight in model.weights}
    images = np.ones((1, 4, 4, 3), np.float32)
    np.testing.assert_array_equal(flat(images), model(images))


def check_nodes_in_order(keras: Any) -> None:
    nodes = keras_compat.nodes_in_order(network(keras)[1])
    assert [type(node.operation).__name__ for node in nodes] == [
        "BatchNormalization",
        "Conv2D",
        "Concatenate",
    ]
    assert [len(node.input_tensors) for node in nodes] == [1, 1, 2]
    assert all(len(node.outputs) == 1 for node in nodes)


def check_all_layers(keras: Any) -> None:
    model, inner = network(keras)
    layers = keras_compat.all_layers(model)
    assert set(map(id, [*model.layers, *inner.layers])) <= set(map(id, layers))
    assert all(layer is not model for layer in layers)


def check_adam_moments(keras: Any) -> None:
    optimizer = keras.optimizers.Adam(beta_1=0.5, beta_2=0.75)
    variables = [keras.Variable([0.0]), keras.Variable([0.0, 0.0])]
    optimizer.build(variables)
    optimizer.apply([keras.ops.array([2.0]), keras.ops.array([4.0, 4.0])], variables)
    momentum, velocity = keras_compat.adam_moments(optimizer, variables[1])
    np.testing.assert_allclose(momentum, [2.0, 2.0])
    np.testing.assert_allclose(velocity, [4.0, 4.0])


def check_replaced_calls(keras: Any) -> None:
    layer, ones = keras.layers.ReLU(), np.ones((1, 2), np.float32)
    with keras_compat.replaced_calls([layer], [lambda inputs: inputs + 1]):
        np.testing.assert_array_equal(layer(ones), 2 * ones)
    np.testing.assert_array_equal(layer(-ones), 0 * ones)
    keras_compat.replace_call(layer, lambda inputs: inputs + 2)
    with keras_compat.replaced_calls([layer], [lambda inputs: inputs + 1]):
        np.testing.assert_array_equal(layer(ones), 2 * ones)
    np.testing.assert_array_equal(layer(ones), 3 * ones)


def check_watched_assignments(keras: Any) -> None:
    seen: list[tuple[Any, float]] = []
    one, other = keras.Variable(1.0), keras.Variable(2.0)
    with keras_compat.watched_assignments(lambda v, before: seen.append((v, float(before)))):
        one.assign(5.0)
    other.assign(6.0)
    assert [(variable is one, before) for variable, before in seen] == [(True, 1.0)]


@pytest.mark.parametrize(
    "check",
    [
        check_producer,
        check_calls_within,
        check_flat,
        check_nodes_in_order,
        check_all_layers,
        check_adam_moments,
        check_replaced_calls,
        check_watched_assignments,
    ],
)
def test_what_is_used_of_kerass_internals_is_there(check: Callable[[Any], None]) -> None:
    import keras

    try:
        check(keras)
    except Exception as error:
        name = check.__name__.removeprefix("check_")
        pytest.fail(
            f"keras_compat.{name} does not work with Keras {keras.__version__} (tested with "
            f"{', '.join(keras_compat.TESTED_VERSIONS)}): {type(error).__name__}: {error}"
        )


def test_only_one_module_uses_kerass_internals() -> None:
    internals = re.compile(
        r"keras\.src|\._(keras_history|inbound_nodes|nodes_by_depth|run_through_graph"
        r"|flatten_layers|get_variable_index|momentums|velocities)\b|\.call = "
    )
    package = Path(keras_compat.__file__).parents[1]
    users = [path.name for path in package.rglob("*.py") if internals.search(path.read_text())]
    assert users == ["keras_compat.py"]

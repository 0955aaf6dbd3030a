"""Keras imported without what a training has no use for, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc
import sys

from cifarkit.training.keras_import import import_keras

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

"""A network whose builder has changed is not passed off as the one that was trained."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from cifarkit.studies.provenance_changes import other_packages
from cifarkit.training.graph_hash import graph_sha256
from tests.cli.command import in_a_process
from tests.models.plugin import install
from tests.reporting.fabricate import ENVIRONMENT, Fabricator, result

SMALL = ("--model", "tiny", "--dataset", "synthetic", "--classes", "3", "--train-per-class", "10",
         "--epochs", "1", "--weights", "none")  # fmt: skip


def test_a_plugin_that_has_changed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed(version: str, width: int) -> None:
        for name, value in install(tmp_path / "site", version=version, width=width).items():
            monkeypatch.setenv(name, value)

    runs = ("--runs", tmp_path / "runs")
    installed("1.0", 8)
    in_a_process("sweep", "lr", "1e-3", *SMALL, *runs)
    plan = in_a_process("sweep", "lr", "1e-3", *SMALL, *runs, "--dry-run")
    assert "\tdone\t" in plan.stdout
    # The package is another one.
    installed("1.1", 8)
    again = in_a_process("sweep", "lr", "1e-3", *SMALL, *runs)
    assert "tiny: 1 done earlier with tiny-nets 1.0, now tiny-nets 1.1 is installed" in again.stderr
    # So is the graph, under the same version: seen where it is built.
    installed("1.0", 12)
    assert "done earlier with" not in in_a_process("sweep", "lr", "1e-3", *SMALL, *runs).stderr
    plan = in_a_process("sweep", "lr", "1e-3", *SMALL, *runs, "--dry-run")
    assert "done, with a graph that differs from the one built now" in plan.stdout
    in_a_process("sweep", "lr", "1e-3", "1e-2", *SMALL, *runs)
    report = in_a_process("report", *runs).stdout.replace("\n", " ")
    assert "Tiny comes from tiny-nets 1.0." in report
    assert "2 different graphs (learning rate 1e-3 against learning rate 0.01)" in report


@pytest.mark.parametrize(("then", "said"), [("3.0.0", 1), (keras.__version__, 0)])
def test_keras_of_another_version_is_named(tmp_path: Path, then: str, said: int) -> None:
    fabricator = Fabricator(tmp_path)
    settings = {"model": "lenet", "dataset": "synthetic", "epochs": 9}
    made = result(environment=ENVIRONMENT.model_copy(update={"keras": then}))
    trial = fabricator.trial(settings, made)
    spec = fabricator.store.read(trial).spec
    sentences = other_packages([spec], fabricator.store)
    assert len(sentences) == said
    for sentence in sentences:
        assert f"done earlier with Keras 3.0.0, now Keras {keras.__version__}" in sentence


def network(width: int = 8, strides: int = 1, skip: bool = True) -> keras.Model:
    image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, strides=strides, padding="same")(image)
    y = keras.layers.Conv2D(width, 1, activation="relu")(x)
    z = keras.layers.Conv2D(8, 1)(y)
    return keras.Model(image, keras.layers.Add()([z, x if skip else z]))


def test_the_hash_of_a_graph_sees_settings_shapes_and_connections() -> None:
    same = {graph_sha256(network()) for _ in range(3)}
    assert len(same) == 1
    others = {graph_sha256(network(**c)) for c in ({"width": 9}, {"strides": 2}, {"skip": False})}
    assert len(same | others) == 4

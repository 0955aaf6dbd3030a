"""What the contract tests find, and what becomes of plug-ins that keep no contract."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit import plugins
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import ImageDataset
from cifarkit.datasets.info import DatasetInfo, DataSource
from cifarkit.errors import InvalidInput
from cifarkit.execution import callbacks, launchers
from cifarkit.execution.callbacks import Callback, Callbacks
from cifarkit.execution.events import TrialEvent, TrialStarted
from cifarkit.execution.launchers import LAUNCHERS, AttemptResult, InProcessLauncher
from cifarkit.models.info import Backbone
from cifarkit.plugins import Registry
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status
from cifarkit.studies.completion import trial_spec
from cifarkit.testing import check_backbone, check_callback, check_data_source, check_launcher
from tests.cli.stubbed import cifarkit

LABELS = np.repeat(np.arange(2, dtype=np.int32), 3)
IMAGES = np.zeros((6, 8, 8, 3), np.uint8)
INFO = DatasetInfo("dots", "Dots", ("a", "b"), (), 3, "dots:1", None)


class Dots(DataSource):
    name = "dots"

    def __init__(self, given: object = INFO, **changes: Any) -> None:
        self.given = given
        self.data = replace(
            ImageDataset("dots", IMAGES, LABELS, IMAGES, LABELS, ("a", "b"), fingerprint="dots:1"),
            **changes,
        )

    def info(self, location: Path | None) -> DatasetInfo:
        return self.given  # type: ignore[return-value]

    def load(self, location: Path | None, *, image_size: int) -> ImageDataset:
        return self.data


class Unsteady(Dots):
    def load(self, location: Path | None, *, image_size: int) -> ImageDataset:
        noise = np.random.default_rng().integers(0, 256, IMAGES.shape).astype(np.uint8)
        return replace(self.data, test_images=noise)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Dots(replace(INFO, dataset="other")), "dataset is 'other'"),
        (Dots(replace(INFO, fingerprint=None)), "fingerprint is empty"),
        (Dots(replace(INFO, train_per_class=4)), "train_per_class: 4, counted 3"),
        (Dots(fingerprint="dots:2"), "fingerprint: info"),
        (Dots(class_names=("b", "a")), "class_names: info"),
        (Dots(replace(INFO, has_validation=True)), "has_validation"),
        (Unsteady(), "test_images: two calls"),
    ],
)
def test_a_source_that_breaks_its_contract_is_found(source: Dots, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_data_source(source)


def test_a_source_that_keeps_it_passes() -> None:
    check_data_source(Dots())


def test_a_wrong_fact_of_a_backbone_is_found() -> None:
    def build(*, image_size: int, weights: str | None, outputs: int, dropout: float) -> Any:
        import keras

        images = keras.Input((image_size, image_size, 3))
        return keras.Model(images, keras.layers.Conv2D(4, 3)(images))

    right = Backbone(
        key="one", name="One", family="One", paper="none", build=build, preprocessing="unit",
        min_size=8, native_size=9, features=4, weight_sets=("own",), uses_batchnorm=False,
    )  # fmt: skip
    check_backbone(right)
    for wrong, message in (
        (replace(right, features=5), "not .None, h, w, 5"),
        (replace(right, uses_batchnorm=True), "uses_batchnorm: the model's is False"),
        (replace(right, min_size=10), "larger than native_size"),
    ):
        with pytest.raises(AssertionError, match=message):
            check_backbone(wrong)
    with pytest.raises(AssertionError, match="nothing is loaded"):
        check_backbone(replace(right, build=seeded(build)), weight_sets=["own"])


def seeded(build: Any) -> Any:
    def same(**arguments: Any) -> Any:
        import keras

        keras.utils.set_random_seed(0)
        return build(**arguments)

    return same


def registered(
    monkeypatch: pytest.MonkeyPatch, module: Any, registry: str, **loaded: object
) -> None:
    """Make these what the package `example` 1.0 has registered."""

    class Point(EntryPoint):
        def load(self) -> object:
            return loaded[self.name]

    points = [Point(name, f"{name}:IT", "cifarkit.mine") for name in loaded]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    monkeypatch.setattr(plugins, "_package", lambda point: "example 1.0")
    old = getattr(module, registry)
    fresh: Registry[Any] = Registry(old.kind, old.group, old.builtin, old._check)
    monkeypatch.setattr(module, registry, fresh)


def source(monkeypatch: pytest.MonkeyPatch, **loaded: object) -> None:
    registered(monkeypatch, dataset_registry, "SOURCES", **loaded)


def test_a_plugin_is_a_data_set_and_a_broken_one_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    source(monkeypatch, dots=Dots(), seven=7, synthetic=Dots(), misnamed=Dots())
    data = trial_spec(dataset="dots", model="lenet").data
    assert (data.dataset, data.fingerprint, data.classes) == ("dots", "dots:1", 2)
    said = "\n".join(caplog.messages)
    assert "plug-in 'seven' is left out: it gave 7, not a DataSource" in said
    assert "plug-in 'synthetic' is left out: 'synthetic' is taken" in said
    assert "plug-in 'misnamed' is left out: its entry point is 'misnamed', its name is" in said
    with pytest.raises(InvalidInput, match="did you mean 'dots'"):
        dataset_registry.facts("dot")


def test_no_plugin_is_loaded_for_what_is_built_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(group: str) -> list[EntryPoint]:
        raise AssertionError("entry points are loaded")

    source(monkeypatch, dots=Dots())
    monkeypatch.setattr(plugins, "entry_points", refuse)
    assert dataset_registry.facts("cifar100").title == "CIFAR-100"
    with pytest.raises(InvalidInput, match="there is nothing at"):
        dataset_registry.facts(str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (replace(INFO, fingerprint=None), "gives no fingerprint"),
        (replace(INFO, dataset="other"), "calls its data set 'other'"),
        ("facts", "gave 'facts', not a DatasetInfo"),
    ],
)
def test_wrong_facts_of_a_plugin_are_refused(
    monkeypatch: pytest.MonkeyPatch, info: object, message: str
) -> None:
    source(monkeypatch, dots=Dots(info))
    with pytest.raises(InvalidInput, match=message):
        dataset_registry.facts("dots")


def test_the_built_in_launchers_keep_their_contract() -> None:
    assert LAUNCHERS.names()[:2] == ("process", "in-process")
    check_launcher(LAUNCHERS.get("process"))
    check_launcher(LAUNCHERS.get("in-process"), enforces_limits=False)


def test_a_launcher_that_hides_a_failure_is_found() -> None:
    class Cheerful(InProcessLauncher):
        def run(self, *arguments: Any, **options: Any) -> AttemptResult:
            super().run(*arguments, **options)
            return AttemptResult(Status.COMPLETE)

    with pytest.raises(AssertionError, match="work that raises ValueError"):
        check_launcher(Cheerful, enforces_limits=False)


def test_a_callback_that_fails_is_not_called_again_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Callback):
        def on_trial_start(self, spec: TrialSpec) -> None:
            raise OSError("no route to host")

    class Counting(Callback):
        starts = 0

        def on_trial_start(self, spec: TrialSpec) -> None:
            self.starts += 1

    counting = Counting()
    listener = Callbacks([Broken(), counting])
    spec = trial_spec(dataset="synthetic", model="lenet")
    for number in (1, 2):
        listener(TrialEvent(spec, number, 2, TrialStarted()))
    assert counting.starts == 2
    (said,) = caplog.messages
    assert "callback Broken failed and is not called again: OSError: no route to host" in said
    check_callback(Counting)
    with pytest.raises(OSError, match="no route"):
        check_callback(Broken)


class Ends(RuntimeError):
    pass


def failing(*_: object) -> None:
    raise Ends("no cluster at 10.0.0.1")


@pytest.mark.parametrize(
    ("module", "option", "made", "message"),
    [
        (launchers, "launcher", failing, "raised Ends: no cluster at 10.0.0.1"),
        (launchers, "launcher", lambda *_: 7, "gave 7, not a Launcher"),
        (callbacks, "callback", failing, "raised Ends: no cluster at 10.0.0.1"),
        (callbacks, "callback", lambda: 7, "gave 7, not a Callback"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    module: Any,
    option: str,
    made: object,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    registered(monkeypatch, module, f"{option.upper()}S", mine=made)
    done = cifarkit("zoo", "--models", "lenet", "--dataset", "synthetic", f"--{option}", "mine")
    assert isinstance(done.exception, InvalidInput)
    expected = f"--{option} mine: plug-in 'mine' of example 1.0 {message}"
    assert str(done.exception) == expected
    assert not list(tmp_path.iterdir())

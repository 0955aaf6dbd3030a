"""What is known of the backbones without building them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from cifarkit import plugins
from cifarkit.errors import InvalidInput
from cifarkit.models import registry as module
from cifarkit.models.info import Backbone
from cifarkit.models.registry import STUDY, get, imagenet_file, registry, weights_size


def backbone(**changes: Any) -> Backbone:
    facts: dict[str, Any] = {
        "key": "mine",
        "name": "Mine",
        "family": "Mine",
        "paper": "none",
        "build": lambda **_: None,
        "preprocessing": "none",
        "min_size": 1,
        "native_size": 32,
        "features": 1,
    }
    return Backbone(**facts | changes)


def register(monkeypatch: pytest.MonkeyPatch, plugin: object) -> None:
    """Make `plugin` what an installed package has registered."""

    class Point(EntryPoint):
        def load(self) -> object:
            return plugin

    point = Point("mine", "mine:BACKBONE", module.ENTRY_POINT_GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point])
    # The cache is by-passed, so that no other test meets the plug-in.
    monkeypatch.setattr(module, "registry", registry.__wrapped__)


def test_the_study_comes_first_in_its_own_order() -> None:
    assert tuple(registry())[: len(STUDY)] == STUDY


def test_keys_agree() -> None:
    assert all(key == known.key for key, known in registry().items())


def test_names_in_tables_are_distinct() -> None:
    names = [known.name for known in registry().values()]
    assert len(set(names)) == len(names)


def test_facts_agree_with_each_other() -> None:
    for known in registry().values():
        assert known.paper, known.key
        sources = [known.weights_file, known.weights_package]
        assert sum(map(bool, sources)) == ("imagenet" in known.weight_sets), known.key
        assert not (known.includes_head and known.weight_sets), known.key
        assert known.min_size <= known.native_size, known.key


def test_looking_up_needs_no_keras() -> None:
    code = (
        "import sys; from cifarkit.models.registry import get; get('densenet201');"
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_case_does_not_matter() -> None:
    assert get("DenseNet201") is registry()["densenet201"]


def test_unknown_key_names_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'densenet201'"):
        get("densnet201")


@pytest.mark.parametrize("key", ["Mine", "my net", ""])
def test_bad_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="key"):
        backbone(key=key)


@pytest.mark.parametrize(
    ("key", "image_size", "expected"),
    [
        ("mobilenet", 160, 160),
        ("mobilenet", 96, 224),
        ("mobilenetv2", 96, 96),
        ("mobilenetv2", 78, 224),
        ("nasnetlarge", 78, 331),
    ],
)
def test_weights_size(key: str, image_size: int, expected: int) -> None:
    assert weights_size(get(key), image_size) == expected


def test_imagenet_file() -> None:
    assert imagenet_file(get("mobilenet"), 160) == "mobilenet_1_0_160_tf_no_top.h5"
    assert imagenet_file(get("lenet"), 32) is None


@pytest.mark.parametrize("as_list", [False, True])
def test_plugin_is_found(monkeypatch: pytest.MonkeyPatch, as_list: bool) -> None:
    mine = backbone()
    register(monkeypatch, [mine] if as_list else mine)
    assert module.get("mine") is mine


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ([7], "not a Backbone"),
        (7, "TypeError"),
        (backbone(key="lenet"), "'lenet' is taken"),
        (backbone(min_size="large"), "mine: min_size: Input should be a valid integer"),
        (backbone(weight_sets="imagenet"), "mine: weight_sets: Input should be a valid tuple"),
    ],
)
def test_bad_plugin_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    plugin: object,
    message: str,
) -> None:
    before = registry()
    register(monkeypatch, plugin)
    assert module.registry() == before
    (said,) = caplog.messages
    assert said.startswith("cifarkit: plug-in 'mine' is left out: ")
    assert message in said

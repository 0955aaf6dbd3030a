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
from cifarkit.models.registry import STUDY, check_facts, get, registry
from cifarkit.models.weight_sets import WeightSet


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
        for weights in known.published_weights.values():
            assert bool(weights.file) != bool(weights.package), known.key
            assert all([weights.source, weights.input_range, weights.top1_source]), known.key
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
def test_size_that_weights_were_trained_at(key: str, image_size: int, expected: int) -> None:
    facts = get(key)
    imagenet = facts.published_weights["imagenet"]
    assert imagenet.trained_size(image_size, facts.native_size) == expected
    assert imagenet.file_for(image_size, facts.native_size) == imagenet.file.format(size=expected)


def test_weight_sets_are_given_by_name_or_with_their_facts() -> None:
    own = WeightSet(name="noisy-student", file="own.h5", licence="MIT", input_range="-1..1")
    mine = check_facts(
        backbone(
            weight_sets=("imagenet", "advprop", own),
            preprocessing="tf",
            weights_file="mine_{size}.h5",
            weights_sizes=(8,),
        )
    )
    found = mine.published_weights
    assert list(found) == ["imagenet", "advprop", "noisy-student"]
    assert found["noisy-student"] == own
    assert found["advprop"] == WeightSet(name="advprop", input_range="-1..1")  # all else unknown
    assert [found["imagenet"].file_for(size, 32) for size in (8, 9)] == ["mine_8.h5", "mine_32.h5"]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"name": "none"}, "'none'"),
        ({"name": "trial:1"}, "'trial:1'"),
        ({"name": "a", "sha256": "0" * 32}, "a: sha256: 64 lower-case hexadecimal digits"),
        ({"name": "a", "md5": "Z" * 32}, "a: md5: 32 lower-case"),
        ({"name": "a", "top1": 75.1}, "a: top1: 0 to 1, got 75.1"),
    ],
)
def test_impossible_facts_of_weights_are_refused(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        WeightSet(**facts)


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
        (backbone(weight_sets=("a", "a")), "mine: weight_sets: a name occurs twice"),
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

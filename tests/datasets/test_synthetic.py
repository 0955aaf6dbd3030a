"""The generated images are the same everywhere, and kept between runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cifarkit.datasets import builtin_classes, cache_folder
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.registry import load
from cifarkit.datasets.synthetic import generator, outlines


def small() -> dict[str, np.ndarray]:
    return generator.generate(train_per_class=2, test_per_class=1)


def test_not_a_pixel_has_changed() -> None:
    """If this fails on purpose, raise `synthetic.VERSION`."""
    data = small()
    digest = hashlib.sha256()
    for array in data.values():
        digest.update(np.ascontiguousarray(array).tobytes())
    assert digest.hexdigest() == "ad28ff4e02a1a4db9d443a54b03c62d4e9a391e87508b552ff40b1600c0a6672"
    assert generator.VERSION == 1


def test_it_has_the_structure_of_cifar100() -> None:
    data = small()
    assert data["train_images"].shape == (200, 32, 32, 3)
    assert np.bincount(data["train_labels"]).tolist() == [2] * 100
    assert np.bincount(data["test_labels"]).tolist() == [1] * 100
    groups = dataset_registry.facts("synthetic").class_groups
    assert sorted(map(groups.count, set(groups))) == [5] * 20


def test_the_first_classes_come_from_several_groups() -> None:
    groups = dataset_registry.facts("synthetic").class_groups
    assert 5 <= len(set(groups[:10])) < 10


def test_no_two_images_are_the_same() -> None:
    data = small()
    everything = np.concatenate([data["train_images"], data["test_images"]]).reshape(300, -1)
    assert len(np.unique(everything, axis=0)) == 300


@pytest.mark.parametrize("shape", builtin_classes.SYNTHETIC_SHAPES)
def test_outlines_are_of_one_order_of_size_and_differ(shape: str) -> None:
    outline = outlines.outline(shape)
    assert 0.3 < outline.mean() < 1.1
    assert outline.max() < 1.4
    for other in builtin_classes.SYNTHETIC_SHAPES:
        if {shape, other} not in ({shape}, {"disc", "ring"}, {"square", "frame"}):
            assert np.abs(outline - outlines.outline(other)).max() > 0.1


class TestCache:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Counts how often the data is generated, and makes less of it."""
        calls: list[int] = []
        generate = generator.generate

        def counted() -> dict[str, np.ndarray]:
            calls.append(1)
            return generate(train_per_class=2, test_per_class=1)

        monkeypatch.setattr(generator, "generate", counted)
        return calls

    def test_it_is_generated_once(self, quick: list[int]) -> None:
        dataset_registry.fetch("synthetic")
        first = load("synthetic", image_size=32)
        second = load("synthetic", image_size=224)
        assert len(quick) == 1
        np.testing.assert_array_equal(first.train_images, second.train_images)
        facts = dataset_registry.facts("synthetic")
        assert (first.class_names, first.class_groups) == (facts.class_names, facts.class_groups)

    @pytest.mark.parametrize("damage", ["cut", "flip", "lose", "names"])
    def test_a_damaged_cache_is_made_anew(self, quick: list[int], damage: str) -> None:
        before = generator.load().train_images.copy()
        entry = next(path for path in cache_folder.directory().iterdir() if path.is_dir())
        file = entry / "train_images.npy"
        data = bytearray(file.read_bytes())
        if damage == "cut":
            file.write_bytes(data[: len(data) // 2])
        elif damage == "flip":
            data[-1] ^= 1
            file.write_bytes(data)
        elif damage == "lose":
            file.unlink()
        else:
            (entry / "checksums.json").write_text("[]")
        np.testing.assert_array_equal(generator.load().train_images, before)
        assert len(quick) == 2
        generator.load()
        assert len(quick) == 2
        assert [path.name for path in cache_folder.directory().iterdir()] == [entry.name]

    def test_without_a_writable_cache_it_still_works(
        self, quick: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("CIFARKIT_CACHE", str(tmp_path / "file"))
        assert len(generator.load().train_labels) == 200


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFARKIT_CACHE", "/own")
    assert cache_folder.directory() == Path("/own")
    monkeypatch.delenv("CIFARKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    assert cache_folder.directory() == Path("/shared/cifarkit")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder.directory() == Path.home() / ".cache" / "cifarkit"

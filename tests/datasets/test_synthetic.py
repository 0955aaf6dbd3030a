"""The generated images are the same everywhere, and kept between runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cifarkit.datasets import builtin_classes, cache_folder
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import ImageDataset, load
from cifarkit.datasets.synthetic import generator, outlines
from cifarkit.errors import InvalidInput


def small(seed: int = 0) -> ImageDataset:
    return generator.generate(seed, train_per_class=2, test_per_class=1)


def test_not_a_pixel_has_changed() -> None:
    """If this fails on purpose, raise `synthetic.VERSION`."""
    data = small()
    digest = hashlib.sha256()
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        digest.update(np.ascontiguousarray(array).tobytes())
    assert digest.hexdigest() == "ad28ff4e02a1a4db9d443a54b03c62d4e9a391e87508b552ff40b1600c0a6672"
    assert generator.VERSION == 1


def test_it_has_the_structure_of_cifar100() -> None:
    data = small()
    assert data.train_images.shape == (200, 32, 32, 3)
    assert np.bincount(data.train_labels).tolist() == [2] * 100
    assert np.bincount(data.test_labels).tolist() == [1] * 100
    assert sorted(map(data.class_groups.count, set(data.class_groups))) == [5] * 20
    facts = dataset_registry.facts("synthetic")
    assert (data.class_names, data.class_groups) == (facts.class_names, facts.class_groups)


def test_the_first_classes_come_from_several_groups() -> None:
    groups = dataset_registry.facts("synthetic").class_groups
    assert 5 <= len(set(groups[:10])) < 10


def test_the_seed_decides() -> None:
    assert (small(1).train_images == small(1).train_images).all()
    assert (small(1).train_images != small(2).train_images).mean() > 0.9


def test_no_two_images_are_the_same() -> None:
    data = small()
    everything = np.concatenate([data.train_images, data.test_images]).reshape(300, -1)
    assert len(np.unique(everything, axis=0)) == 300


def test_fewer_classes() -> None:
    data = generator.generate(classes=4, groups=2, train_per_class=3, test_per_class=2)
    assert sorted(data.class_names) == ["disc_broad", "disc_fine", "ring_broad", "ring_fine"]
    assert len(data.train_labels) == 12


@pytest.mark.parametrize(("classes", "groups"), [(7, 2), (12, 2), (21, 21), (0, 1), (5, 0)])
def test_what_cannot_be_drawn_is_refused(classes: int, groups: int) -> None:
    with pytest.raises(InvalidInput, match="20 groups of 5 classes at most"):
        generator.generate(classes=classes, groups=groups)


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

        def counted() -> ImageDataset:
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
        assert first.class_names == dataset_registry.facts("synthetic").class_names

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

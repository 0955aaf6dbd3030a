"""`.npz` files in either convention are read; what is ambiguous or hostile is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit.data import catalog
from cifarkit.data.dataset import ImageDataset, load
from cifarkit.errors import InvalidInput
from tests.data.archives import Bomb

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (20, 6, 5, 3), np.uint8)
LABELS = np.arange(20) % 4
TEST_IMAGES, TEST_LABELS = IMAGES[:8][::-1], LABELS[:8][::-1]


def keras_arrays(**changed: Any) -> dict[str, Any]:
    """Arrays in Keras' convention, some replaced, or (None) left out."""
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": TEST_IMAGES, "y_test": TEST_LABELS}
    return {name: array for name, array in (arrays | changed).items() if array is not None}


def read(tmp_path: Path, image_size: int = 32, **arrays: Any) -> ImageDataset:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, **arrays)
    data = load(str(path), image_size=image_size)
    facts = catalog.facts(str(path))
    assert facts.class_names == data.class_names
    assert facts.train_per_class == np.bincount(data.train_labels).min()
    assert (facts.dataset, facts.title, facts.location) == ("npz", "data.npz", str(path))
    return data


def test_keras_convention(tmp_path: Path) -> None:
    data = read(tmp_path, **keras_arrays())
    np.testing.assert_array_equal(data.train_images, IMAGES)
    np.testing.assert_array_equal(data.train_labels, LABELS)
    np.testing.assert_array_equal(data.test_images, TEST_IMAGES)
    np.testing.assert_array_equal(data.test_labels, TEST_LABELS)
    assert data.class_names == ("0", "1", "2", "3")


def test_the_other_convention(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        train_images=IMAGES,
        train_labels=LABELS[:, None].astype(np.uint8),
        test_images=TEST_IMAGES,
        test_labels=TEST_LABELS[:, None],
    )
    np.testing.assert_array_equal(data.train_images, IMAGES)
    np.testing.assert_array_equal(data.test_labels, TEST_LABELS)


def test_labels_are_remapped_in_order(tmp_path: Path) -> None:
    data = read(tmp_path, **keras_arrays(y_train=LABELS * 10 - 5, y_test=TEST_LABELS * 10 - 5))
    np.testing.assert_array_equal(data.train_labels, LABELS)
    assert data.class_names == ("-5", "5", "15", "25")


@pytest.mark.parametrize("kind", ["U", "S"])
def test_class_names(tmp_path: Path, kind: str) -> None:
    names = np.array(["ant", "bee", "cat", "dog"]).astype(kind)
    assert read(tmp_path, **keras_arrays(class_names=names)).class_names[1] == "bee"


def test_class_names_may_include_classes_that_do_not_occur(tmp_path: Path) -> None:
    arrays = keras_arrays(y_train=LABELS * 2, y_test=TEST_LABELS * 2)
    data = read(tmp_path, **arrays, class_names=np.array(list("abcdefgh")))
    assert data.class_names == ("a", "c", "e", "g")


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (IMAGES[..., 0], np.repeat(IMAGES[..., :1], 3, -1)),
        (IMAGES[..., :1], np.repeat(IMAGES[..., :1], 3, -1)),
        (IMAGES.astype(np.int64), IMAGES),
        (IMAGES.astype(np.float64), IMAGES),
        ((IMAGES / 255).astype(np.float32), IMAGES),
        ((IMAGES // 128).astype(np.int32), IMAGES // 128),
    ],
)
def test_images_of_other_types_are_converted(
    tmp_path: Path, images: np.ndarray, expected: np.ndarray
) -> None:
    data = read(tmp_path, **keras_arrays(x_train=images, x_test=images[:8]))
    np.testing.assert_array_equal(data.train_images, expected)


def test_without_a_test_part_a_fifth_of_each_class_is_held_out(tmp_path: Path) -> None:
    data = read(tmp_path, x_train=IMAGES, y_train=LABELS)
    assert np.bincount(data.test_labels).tolist() == [1] * 4
    assert len(data.train_labels) == 16
    together = np.concatenate([data.train_images, data.test_images])
    assert sorted(map(bytes, together)) == sorted(map(bytes, IMAGES))
    again = read(tmp_path, x_train=IMAGES, y_train=LABELS)
    np.testing.assert_array_equal(again.test_images, data.test_images)


def test_large_images_are_resized(tmp_path: Path) -> None:
    assert read(tmp_path, 6, **keras_arrays()).train_images.shape[1:] == (6, 5, 3)
    assert read(tmp_path, 4, **keras_arrays()).test_images.shape[1:] == (4, 4, 3)


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    prints = []
    for name, arrays in (
        ("a", keras_arrays()),
        ("b", keras_arrays()),
        ("c", keras_arrays(x_train=IMAGES[::-1])),
    ):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        prints.append(catalog.facts(str(tmp_path / f"{name}.npz")).fingerprint)
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": None}, "must hold x_train and y_train .* it holds y_train, x_test, y_test"),
        ({"y_test": None}, "only one of x_test and y_test"),
        ({"x_train": IMAGES[:19]}, r"training labels must be \(19,\)"),
        ({"x_train": IMAGES[:19], "x_test": None, "y_test": None}, "19 images for 20 labels"),
        ({"x_train": IMAGES.transpose(0, 3, 1, 2)}, r"images must be .* received \(20, 3, 6, 5\)"),
        ({"x_train": IMAGES.astype(np.int32) * 9}, r"pixels must be .* received 0\.\."),
        ({"x_train": IMAGES / 127.5 - 1}, r"pixels must be .* received -1\.\."),
        ({"x_train": IMAGES / 200, "x_test": TEST_IMAGES / 200}, "pixels must be"),
        ({"x_train": IMAGES * np.nan}, "pixels must be"),
        ({"x_train": IMAGES > 3}, "images must be numbers"),
        ({"y_train": LABELS / 2}, "y_train must be integers"),
        ({"y_train": np.eye(4)[LABELS]}, r"y_train must be integers .* received \(20, 4\)"),
        ({"y_train": LABELS * 0}, "y_train has 1 class"),
        ({"y_test": TEST_LABELS + 1}, "y_test has class 4, which y_train lacks"),
        ({"class_names": np.array(["a", "b"])}, "2 class_names for 4 classes"),
        ({"class_names": np.arange(4)}, "class_names must be a list of texts"),
        ({"class_names": np.array(["a", "a", "b", "c"])}, "same name"),
        (
            {"y_train": np.arange(20) // 19, "x_test": None, "y_test": None},
            "class '1' has one image",
        ),
    ],
)
def test_refusals(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(tmp_path, **keras_arrays(**changed))


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    with pytest.raises(InvalidInput, match="'y_train' cannot be read"):
        read(tmp_path, **keras_arrays(y_train=np.array([Bomb(trace)], dtype=object)))
    assert not trace.exists()


@pytest.mark.parametrize("damage", ["cut", "flip", "text", "empty"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **keras_arrays())
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        inside = archive.getinfo("y_train.npy").header_offset + 200
    data[inside] ^= 0xFF
    path.write_bytes(
        {"cut": data[:500], "flip": bytes(data), "text": b"hello", "empty": b""}[damage]
    )
    with pytest.raises(InvalidInput, match=r"data\.npz"):
        catalog.facts(str(path))

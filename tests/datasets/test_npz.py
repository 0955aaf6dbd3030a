"""`.npz` files in either convention are read; what is ambiguous or hostile is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import ImageDataset, split
from cifarkit.datasets.registry import load
from cifarkit.errors import InvalidInput
from tests.datasets.archives import Bomb

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (20, 6, 5, 3), np.uint8)
LABELS = np.arange(20) % 4
TEST_IMAGES, TEST_LABELS = RANDOM.integers(0, 256, (8, 6, 5, 3), np.uint8), LABELS[:8][::-1]


def keras_arrays(**changed: Any) -> dict[str, Any]:
    """Arrays in Keras' convention, some replaced, or (None) left out."""
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": TEST_IMAGES, "y_test": TEST_LABELS}
    return {name: array for name, array in (arrays | changed).items() if array is not None}


def read(tmp_path: Path, image_size: int = 32, **arrays: Any) -> ImageDataset:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, **arrays)
    data = load(str(path), image_size=image_size)
    facts = dataset_registry.facts(str(path))
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
    ("convert", "expected"),
    [
        (lambda i: i[..., 0], np.repeat(IMAGES[..., :1], 3, -1)),
        (lambda i: i[..., :1], np.repeat(IMAGES[..., :1], 3, -1)),
        (lambda i: i.astype(np.int64), IMAGES),
        (lambda i: i.astype(np.float64), IMAGES),
        (lambda i: (i / 255).astype(np.float32), IMAGES),
        (lambda i: (i // 128).astype(np.int32), IMAGES // 128 * 255),
        (lambda i: i // 128, IMAGES // 128 * 255),
    ],
)
def test_images_of_other_types_are_converted(
    tmp_path: Path, convert: Callable[[np.ndarray], np.ndarray], expected: np.ndarray
) -> None:
    arrays = keras_arrays(x_train=convert(IMAGES), x_test=convert(TEST_IMAGES))
    data = read(tmp_path, **arrays)
    np.testing.assert_array_equal(data.train_images, expected)
    binary = ("the pixels of data.npz are 0 and 1 only: taken for 0 and 255",)
    assert data.notes == (
        binary
        if arrays["x_train"].max() == 1
        and expected.max() == 255
        and arrays["x_train"].dtype.kind in "iu"
        else ()
    )


@pytest.mark.parametrize("kind", ["U", "S"])
def test_labels_may_be_texts(tmp_path: Path, kind: str) -> None:
    names = np.array(["dog", "ant", "cat", "bee"]).astype(kind)
    data = read(tmp_path, **keras_arrays(y_train=names[LABELS], y_test=names[TEST_LABELS]))
    assert data.class_names == ("ant", "bee", "cat", "dog")
    np.testing.assert_array_equal(data.train_labels, np.array([3, 0, 2, 1])[LABELS])
    arrays = keras_arrays(y_train=names[LABELS], y_test=names[TEST_LABELS], class_names=names)
    data = read(tmp_path, **arrays)
    assert data.class_names == ("dog", "ant", "cat", "bee")
    np.testing.assert_array_equal(data.test_labels, TEST_LABELS)


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.bool_])
def test_labels_may_be_one_hot(tmp_path: Path, kind: type) -> None:
    one_hot = np.eye(4, dtype=kind)
    data = read(tmp_path, **keras_arrays(y_train=one_hot[LABELS], y_test=one_hot[TEST_LABELS]))
    np.testing.assert_array_equal(data.train_labels, LABELS)
    np.testing.assert_array_equal(data.test_labels, TEST_LABELS)


@pytest.mark.parametrize("names", [("x_val", "y_val"), ("val_images", "val_labels")])
def test_a_validation_part_is_validated_on(tmp_path: Path, names: tuple[str, str]) -> None:
    own = dict(zip(names, (IMAGES[:4] // 2, LABELS[:4]), strict=True))
    data = read(tmp_path, **keras_arrays(), **own)
    np.testing.assert_array_equal(data.validation_images, IMAGES[:4] // 2)
    parts = split(data, train_per_class=None, validation_fraction=0.5, data_seed=0)
    assert (len(parts.train_labels), len(parts.validation_labels)) == (20, 4)
    assert parts.notes == (f"{names[0]} is the validation part: validation_fraction is not used",)
    data = read(tmp_path, **keras_arrays(x_test=None, y_test=None), **own)
    assert len(data.train_labels) + len(data.test_labels) == 20
    assert "there is no test part" in data.notes[1]


def test_what_is_odd_is_noted(tmp_path: Path) -> None:
    arrays = keras_arrays(
        x_train=IMAGES // 16, x_test=TEST_IMAGES // 16, y_test=TEST_LABELS // 2, more=LABELS
    )
    assert read(tmp_path, **arrays).notes == (
        "not used: more of data.npz",
        "the brightest pixel of data.npz is 15 of 255: nearly black images, or images of a smaller "
        "range, which are not scaled",
        "no test images of 2 of 4 classes of data.npz: 2, 3",
    )


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
        prints.append(dataset_registry.facts(str(tmp_path / f"{name}.npz")).fingerprint)
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": None}, "must hold x_train and y_train .* it holds y_train, x_test, y_test"),
        ({"y_test": None}, "only one of x_test and y_test"),
        ({"x_train": IMAGES[:19]}, "x_train must have an image for each of the 20 labels"),
        ({"x_train": IMAGES / 255}, r"pixels of x_train lie in 0\.\.1 and those of x_test"),
        ({"x_test": TEST_IMAGES // 128}, r"pixels of x_test lie in 0\.\.1 and those of x_train"),
        ({"x_train": IMAGES * 0, "x_test": TEST_IMAGES * 0}, "all pixels are 0"),
        ({"x_test": IMAGES[:8]}, "the training part and the test part are the same images"),
        ({"x_test": TEST_IMAGES[:, :4]}, "all must have one size"),
        ({"x_val": IMAGES}, "only one of x_val and y_val"),
        ({"x_val": IMAGES, "y_val": LABELS, "x_valid": IMAGES}, "two validation parts"),
        ({"x_train": IMAGES.transpose(0, 3, 1, 2)}, r"images must be .* received \(20, 3, 6, 5\)"),
        ({"x_train": IMAGES.astype(np.int32) * 9}, r"pixels must be .* received 0\.\."),
        ({"x_train": IMAGES / 127.5 - 1}, r"pixels must be .* received -1\.\."),
        ({"x_train": IMAGES / 200, "x_test": TEST_IMAGES / 200}, "pixels must be"),
        ({"x_train": IMAGES * np.nan}, "pixels must be"),
        ({"x_train": IMAGES > 3}, "images must be numbers"),
        ({"y_train": LABELS / 2}, "y_train must be integers"),
        ({"y_train": np.eye(4)[LABELS] / 2}, r"y_train must be .* one-hot .* received \(20, 4\)"),
        ({"y_train": np.array(list("abcd"))[LABELS]}, "labels of one kind"),
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
        dataset_registry.facts(str(path))

"""scikit-learn's handwritten digits as users have images: an uneven folder, a published `.npz`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import select_classes, split
from cifarkit.datasets.registry import load
from cifarkit.errors import InvalidInput
from cifarkit.studies.completion import trial_spec
from cifarkit.training.trial import load_splits
from tests.datasets.digits import make_digits_npz, make_uneven_digits


def test_an_uneven_folder(tmp_path: Path) -> None:
    root = make_uneven_digits(tmp_path)
    facts = dataset_registry.facts(str(root))
    assert facts.class_names == tuple(f"digit {digit}" for digit in range(10))
    assert facts.train_per_class == 8
    assert [note.split(":")[0] for note in facts.notes] == [
        "transparent parts are shown as white",
        "16 bits per channel are scaled to 8",
        "CMYK is converted to RGB without a colour profile",
        "grayscale among colour images",
    ]
    data = load(str(root), image_size=16)
    assert data.train_images.shape[1:] == (16, 16, 3)
    assert np.bincount(data.train_labels).tolist() == [8 + 2 * digit for digit in range(10)]
    assert np.bincount(data.test_labels).tolist() == [4 + digit for digit in range(10)]
    # The same digits, whatever they were saved as: light strokes on black, but where alpha is.
    brightness = np.sort(data.train_images[:].mean(axis=(1, 2, 3)))
    assert brightness[len(brightness) // 2] < 128
    few = split(select_classes(data, 3), train_per_class=None, validation_fraction=0.2, data_seed=0)
    assert len(few.train_labels) + len(few.validation_labels) == 8 + 10 + 12


def test_a_published_npz(tmp_path: Path) -> None:
    path = make_digits_npz(tmp_path / "digitsmnist.npz")
    facts = dataset_registry.facts(str(path))
    assert (len(facts.class_names), facts.has_validation) == (10, True)
    images, labels = load_digits(return_X_y=True)
    data = load(str(path), image_size=32)
    assert data.validation_labels is not None
    np.testing.assert_array_equal(data.validation_labels, labels[1200:1500])
    np.testing.assert_array_equal(
        data.test_images[..., 1].reshape(-1, 64), np.round(images[1500:] * (255 / 16))
    )


def test_at_most_so_many_of_each_class(tmp_path: Path) -> None:
    root = make_uneven_digits(tmp_path)
    with pytest.raises(InvalidInput, match=r"8 training images in its smallest class.*at_most"):
        trial_spec(model="lenet", dataset=str(root), train_per_class=20)
    with pytest.raises(InvalidInput, match="give one"):
        trial_spec(model="lenet", dataset=str(root), train_per_class=5, train_at_most=20)
    spec = trial_spec(model="lenet", dataset=str(root), train_at_most=15)
    parts = load_splits(spec)
    together = np.concatenate([parts.train_labels, parts.validation_labels])
    assert np.bincount(together).tolist() == [8, 10, 12, 14, 15, 15, 15, 15, 15, 15]
    plain = trial_spec(model="lenet", dataset=str(root))
    assert plain.trial_id != spec.trial_id
    assert plain == trial_spec(model="lenet", dataset=str(root), train_at_most=26)


def test_a_fraction_that_is_not_used_makes_no_other_trial(tmp_path: Path) -> None:
    path = make_digits_npz(tmp_path / "digitsmnist.npz")
    assert trial_spec(model="lenet", dataset=path) == trial_spec(
        model="lenet", dataset=path, validation_fraction=0.3
    )

"""Reads Fashion-MNIST, and other data in MNIST's format, from idx files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cifarkit.datasets import idx_files
from cifarkit.datasets.dataset import ImageDataset
from cifarkit.datasets.info import DatasetInfo
from cifarkit.digests import digest
from cifarkit.errors import InvalidInput


def facts(official: DatasetInfo, location: Path) -> DatasetInfo:
    """The facts of the data in a folder; the official ones if it is the official data.

    Raises:
        InvalidInput: As `load`.
    """
    data = load(official, location)
    if data.fingerprint is None:
        return replace(official, location=str(location))
    counts = np.bincount(data.train_labels)
    return replace(
        official,
        title=f"{location.name} (in the format of {official.title}, not its data)",
        class_names=data.class_names,
        train_per_class=int(counts.min()),
        train_in_largest_class=int(counts.max()),
        fingerprint=data.fingerprint,
        location=str(location),
    )


def load(official: DatasetInfo, location: Path | None) -> ImageDataset:
    """Read the images, `(n, 28, 28, 3)` uint8 in the official data, with equal channels.

    The classes of other data, such as MNIST's own files, are the labels that occur in training,
    called by their numbers.

    Args:
        official: The facts of the official data.
        location: The folder; None reads the official data.

    Raises:
        InvalidInput: The files are missing or damaged, or a test label does not occur in training.
    """
    folder = idx_files.locate(location)
    if folder is None:
        raise InvalidInput(str(idx_files.missing(location)))
    files = idx_files.read(folder)
    train_labels, test_labels = (
        np.frombuffer(files[name].data, np.uint8) for name in files if "labels" in name
    )
    known = np.unique(train_labels)
    if unseen := sorted({*test_labels.tolist()} - {*known.tolist()}):
        raise InvalidInput(
            f"{folder}: there are test images but no training images with label "
            f"{', '.join(map(str, unseen))}"
        )
    train_images, test_images = (_rgb(files[name]) for name in files if "images" in name)
    data = ImageDataset(
        name=str(folder),
        train_images=train_images,
        train_labels=np.searchsorted(known, train_labels).astype(np.int32),
        test_images=test_images,
        test_labels=np.searchsorted(known, test_labels).astype(np.int32),
        class_names=tuple(map(str, known.tolist())),
    )
    if idx_files.is_official(files):
        return replace(data, name=official.title, class_names=official.class_names)
    content = digest(file.sha256.encode() for file in files.values())
    return replace(data, fingerprint=f"sha256:{content[:16]}")


def _rgb(images: idx_files.Idx) -> npt.NDArray[np.uint8]:
    gray = np.frombuffer(images.data, np.uint8).reshape(images.shape)
    return np.repeat(gray[..., None], 3, axis=-1)

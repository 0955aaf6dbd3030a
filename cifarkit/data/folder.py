"""Reads a folder of class folders of image files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from cifarkit.data import cache, images
from cifarkit.data.catalog import DataFacts
from cifarkit.data.dataset import ImageDataset, Labels
from cifarkit.data.folder_scan import Scan, scan
from cifarkit.data.holdout import draw_test, test_size
from cifarkit.data.images import UnusableImage
from cifarkit.errors import InvalidInput

_NAMED_FAULTS = 5
_VERSION = 1  # Raised whenever the same files would give other pixels.


def facts(path: Path) -> DataFacts:
    """The facts of a folder, from the names and sizes of its files.

    Raises:
        InvalidInput: It is not laid out as `folder_scan.scan` says, or a class has one image
            and no test part.
    """
    found = _checked(path)
    counts = [len(files) for files in found.train]
    if found.test is None:
        counts = [count - test_size(count) for count in counts]
    return DataFacts(
        dataset="folder",
        title=path.name,
        class_names=found.class_names,
        class_groups=(),
        train_per_class=min(counts),
        fingerprint=found.fingerprint,
        location=str(path),
    )


def load(path: Path, *, image_size: int) -> ImageDataset:
    """Read a folder's images; without a test part a fifth of each class becomes it.

    Images that share one size, no side longer than `image_size`, keep it; otherwise every one is
    resized to `image_size` x `image_size`. The decoded pixels are kept in the cache.

    Args:
        path: The folder.
        image_size: In pixels.

    Raises:
        InvalidInput: As for `facts`; or an image cannot be decoded, which the message names.
    """
    found = _checked(path)
    entry = f"folder-v{_VERSION}-{found.stamp}-{image_size}"
    arrays = cache.read(entry)
    if arrays is None:
        arrays = _decode(found, image_size)
        cache.write(entry, arrays)
    return ImageDataset(
        name=path.name,
        train_images=arrays["train_images"],
        train_labels=arrays["train_labels"],
        test_images=arrays["test_images"],
        test_labels=arrays["test_labels"],
        class_names=found.class_names,
    )


def _checked(path: Path) -> Scan:
    found = scan(path)
    for name, files in zip(found.class_names, found.train, strict=True):
        if found.test is None and len(files) < 2:
            raise InvalidInput(
                f"--dataset: class {name!r} of {path} has one image; without a test part, two or "
                "more are needed"
            )
    return found


def _decode(found: Scan, image_size: int) -> cache.Arrays:
    train_files, train_labels = _listed(found.train)
    test_files, test_labels = _listed(found.test or ())
    if found.test is None:
        chosen = draw_test(train_labels)
        files = np.array(train_files, dtype=object)
        train_files, test_files = files[~chosen].tolist(), files[chosen].tolist()
        train_labels, test_labels = train_labels[~chosen], train_labels[chosen]
    pixels = _read(found.root, [*train_files, *test_files], image_size)
    return {
        "train_images": pixels[: len(train_files)],
        "train_labels": train_labels,
        "test_images": pixels[len(train_files) :],
        "test_labels": test_labels,
    }


def _listed(classes: Sequence[Sequence[Path]]) -> tuple[list[Path], Labels]:
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), [len(files) for files in classes])
    return [file for files in classes for file in files], labels


def _read(root: Path, files: Sequence[Path], image_size: int) -> npt.NDArray[np.uint8]:
    """`(n, height, width, 3)`: the pixels of every file, or a refusal that names the bad ones."""
    with warnings.catch_warnings():
        # Pillow warns of what `images` refuses.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        size = _common_size(files, image_size)
        pixels = np.empty((len(files), *(size or (image_size, image_size)), 3), np.uint8)

        def decode(index: int) -> str | None:
            try:
                pixels[index] = images.read(files[index], None if size else image_size)
            except UnusableImage as error:
                return f"{files[index].relative_to(root)}: {error}"
            return None

        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            faults = [fault for fault in pool.map(decode, range(len(files))) if fault]
    if faults:
        named = "; ".join(faults[:_NAMED_FAULTS])
        more = len(faults) - _NAMED_FAULTS
        raise InvalidInput(
            f"--dataset: {root} has images that cannot be used: {named}"
            + (f"; and {more} more" if more > 0 else "")
        )
    return pixels


def _common_size(files: Sequence[Path], image_size: int) -> tuple[int, int] | None:
    """`(height, width)` if all images have it and no side is longer than `image_size`."""
    common: tuple[int, int] | None = None
    for file in files:
        try:
            size = images.size_of(file)
        except UnusableImage:
            continue  # It is named when it is decoded.
        if max(size) > image_size or size != (common or size):
            return None
        common = size
    return common

"""The contract of a data source."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cifarkit.datasets.dataset import ImageDataset
from cifarkit.datasets.info import DatasetInfo, DataSource
from cifarkit.testing.expect import expect


def check_data_source(
    source: DataSource, location: str | Path | None = None, *, image_size: int = 32
) -> None:
    """Fetch a data source, load it twice, and compare its images with its facts.

    Args:
        source: What the entry point gives.
        location: As with `--data-dir`.
        image_size: The side of the network's images, in pixels.

    Raises:
        AssertionError: It breaks the contract of `datasets.info.DataSource`.
    """
    path = None if location is None else Path(location).absolute()
    name = source.name
    expect(
        name and name == name.lower() and name.replace("_", "").isalnum(),
        f"name: lower-case letters, digits and underscores, received {name!r}",
    )
    source.fetch(path)
    expect(source.missing(path) is None, "missing() is not None after fetch()")
    info = source.info(path)
    expect(isinstance(info, DatasetInfo), f"info() gave {type(info).__name__}, not a DatasetInfo")
    expect(info == source.info(path), "two calls of info() differ")
    expect(info.dataset == name, f"info().dataset is {info.dataset!r}, name is {name!r}")
    expect(info.title and isinstance(info.title, str), "info().title is not a text, or empty")
    expect(info.fingerprint and isinstance(info.fingerprint, str), "info().fingerprint is empty")
    expect(len(info.class_names) >= 2, "fewer than two classes")
    first, second = (source.load(path, image_size=image_size) for _ in range(2))
    expect(isinstance(first, ImageDataset), f"load() gave {type(first).__name__}")
    for field in ("class_names", "class_groups", "fingerprint", "notes"):
        given, found = getattr(info, field), getattr(first, field)
        expect(given == found, f"{field}: info() has {given!r:.200}, load() {found!r:.200}")
    has_validation = first.validation_images is not None
    expect(info.has_validation == has_validation, "has_validation differs from what load() gives")
    counts = np.bincount(first.train_labels, minlength=len(info.class_names))
    expect(counts.min() >= 2, f"a class has {counts.min()} training images; two or more are needed")
    if info.train_per_class is not None:
        smallest, largest = info.train_per_class, info.train_in_largest_class
        expect(smallest == counts.min(), f"train_per_class: {smallest}, counted {counts.min()}")
        largest = largest or smallest
        expect(largest == counts.max(), f"train_in_largest_class: {largest}, not {counts.max()}")
    for part in ("train", "test", "validation") if has_validation else ("train", "test"):
        for what in ("images", "labels"):
            one, other = (getattr(data, f"{part}_{what}") for data in (first, second))
            expect(np.array_equal(one[:], other[:]), f"{part}_{what}: two calls of load() differ")

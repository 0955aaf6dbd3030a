"""Finds duplicate images of a data set by digests of their pixels or files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from cifarkit.datasets.dataset import Images, Splits
from cifarkit.digests import digest
from cifarkit.errors import InvalidInput

_BATCH = 1024


@dataclass(frozen=True, eq=False)
class Repeated:
    """Images with equal pixels in the parts of a data set.

    Attributes:
        test: (n,) bool, whether each test image is also a training or validation image.
        validation: The number of validation images that are also training images.
        two_labels: The number of distinct images that occur with more than one label.
    """

    test: npt.NDArray[np.bool_]
    validation: int
    two_labels: int


def find_repeated(splits: Splits) -> Repeated:
    """Compare all images of all parts, as given to the network."""
    parts = [
        (digests_of(splits.train_images), splits.train_labels),
        (digests_of(splits.validation_images), splits.validation_labels),
        (digests_of(splits.test_images), splits.test_labels),
    ]
    label_of: dict[str, int] = {}
    two_labels = {
        image
        for images, labels in parts
        for image, label in zip(images, labels.tolist(), strict=True)
        if label_of.setdefault(image, label) != label
    }
    train, validation, test = (images for images, _ in parts)
    trained, seen = set(train), {*train, *validation}
    return Repeated(
        test=np.array([image in seen for image in test], np.bool_),
        validation=sum(image in trained for image in validation),
        two_labels=len(two_labels),
    )


def digests_of(images: Images) -> list[str]:
    """BLAKE2b of the pixels of each image; images are `(n, height, width, 3)` uint8."""
    return [
        digest([image.tobytes()], "blake2b")
        for start in range(0, len(images), _BATCH)
        for image in images[start : start + _BATCH]
    ]


def refuse_equal_parts(name: str, parts: Mapping[str, Sequence[str]]) -> None:
    """Refuse a data set in which all images of one part are also in another.

    Args:
        name: The data set's name.
        parts: Digests of the images of each part, by the part's name.

    Raises:
        InvalidInput: All images of one part are also in another one.
    """
    for (one, first), (other, second) in combinations(parts.items(), 2):
        small, large = sorted((set(first), set(second)), key=len)
        if small <= large:
            raise InvalidInput(
                f"--dataset: {name}: {one} and {other} are the same images "
                f"({len(small):,} different images, all of them in both); a score on images that "
                "were trained or chosen on means nothing"
            )

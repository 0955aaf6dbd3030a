"""Images that occur more than once in a data set, by digests of their pixels or of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations

from cifarkit.data.dataset import Images
from cifarkit.errors import InvalidInput

_BATCH = 1024


def digests_of(images: Images) -> list[bytes]:
    """BLAKE2b of the pixels of each image; images are `(n, height, width, 3)` uint8."""
    return [
        hashlib.blake2b(image.tobytes(), digest_size=16).digest()
        for start in range(0, len(images), _BATCH)
        for image in images[start : start + _BATCH]
    ]


def refuse_equal_parts(name: str, parts: Mapping[str, Sequence[bytes | str]]) -> None:
    """Refuse a data set of which one part has no image that is not in another.

    Args:
        name: Of the data set.
        parts: Digests of the images of each part, by its name.

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

"""Images that occur more than once in a data set, by digests of their content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from cifarkit.errors import InvalidInput


def refuse_equal_parts(name: str, parts: Mapping[str, Sequence[str]]) -> None:
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

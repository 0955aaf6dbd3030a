"""Packed bits of which test images a network predicted right, stored in its result."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from cifarkit.digests import digest
from cifarkit.errors import InvalidInput
from cifarkit.store.records import Hits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def packed(labels: NDArray[np.integer[Any]], predictions: NDArray[np.integer[Any]]) -> Hits:
    """Pack the comparison of true and predicted classes, both (n,) integers."""
    import numpy as np

    return Hits(
        images=len(labels),
        right=base64.b64encode(np.packbits(labels == predictions).tobytes()),
        labels_sha256=digest([labels.astype("<i8").tobytes()]),
    )


def unpacked(hits: Hits) -> NDArray[np.bool_]:
    """Whether each image was predicted right, (n,) bool.

    Raises:
        InvalidInput: There are not as many bits as images.
    """
    import numpy as np

    if len(hits.right) != (hits.images + 7) // 8:
        raise InvalidInput(f"{len(hits.right):,} bytes are no hits of {hits.images:,} images")
    bits = np.frombuffer(hits.right, np.uint8)
    return np.unpackbits(bits, count=hits.images).view(np.bool_)

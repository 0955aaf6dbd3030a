"""A view: the training images as one epoch sees them, computed for the rows that are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cifarkit.datasets.dataset import Images
from cifarkit.datasets.mixing import Mixing


class Change(Protocol):
    """What happens to each image of an array by itself.

    Attributes:
        arrays: All that it depends on besides its settings.
    """

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]: ...

    def __call__(self, images: Any, rows: Any) -> Any:
        """Change the images of these rows, (b, h, w, 3) in 0..255."""


class View:
    """An array of images, changed one by one and then mixed in pairs.

    Attributes:
        images: (n, h, w, 3) uint8.
        mixing: None for none.
        shape: (n, h, w, 3).
        dtype: Of what is read.
    """

    def __init__(
        self,
        images: Images,
        changes: Sequence[Change],
        mixing: Mixing | None = None,
        *,
        dtype: str = "uint8",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            changes: In order.
            dtype: That of the last change.
            settings: Those that the changes were made with.
        """
        self.images, self.mixing = images, mixing
        self.shape, self.dtype = images.shape, np.dtype(dtype)
        self._changes, self._settings = tuple(changes), dict(settings or {})

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Any) -> npt.NDArray[Any]:
        """The images of a slice or of an array of rows, uint8 or float32, in 0..255."""
        if isinstance(rows, slice):
            rows = np.arange(len(self))[rows]
        if self.mixing is None:
            return self._changed(rows)
        # Most partners are in the same batch, and are changed once.
        needed, places = np.unique(
            np.concatenate([rows, self.mixing.partners[rows]]), return_inverse=True
        )
        changed = self._changed(needed)
        own, partners = np.split(places, 2)
        return self.mixing(changed[own], changed[partners], rows)

    def key(self) -> Iterator[bytes | memoryview]:
        """What the view does to its images, for a digest."""
        yield repr(sorted(self._settings.items())).encode()
        arrays = [array for change in self._changes for array in change.arrays]
        for array in (*arrays, *(self.mixing.arrays if self.mixing else ())):
            yield np.ascontiguousarray(array).data

    def _changed(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        images: Any = self.images[rows]
        for change in self._changes:
            images = change(images, rows)
        return np.asarray(images)

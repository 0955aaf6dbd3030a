"""Lazy selections of rows of arrays of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Subset:
    """Selected rows of an array in any order, copied on access.

    Selecting classes and splitting would otherwise each copy all images.

    Args:
        images: `(n, height, width, 3)` uint8; may be a subset itself.
        rows: `(m,)` the selected rows, 0..n-1.

    Attributes:
        shape, dtype, ndim: As for an array `(m, height, width, 3)`.
    """

    def __init__(self, images: npt.NDArray[np.uint8] | Subset, rows: npt.NDArray[np.intp]) -> None:
        self._images, self._rows = images, rows
        self.shape: tuple[int, ...] = (len(rows), *images.shape[1:])
        self.dtype: np.dtype[np.uint8] = images.dtype
        self.ndim: int = images.ndim

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> npt.NDArray[np.uint8]:
        """A copy of some of the rows; `rows` is a number, a slice or an array of numbers."""
        return self._images[self._rows[rows]]


class Joined:
    """The rows of two arrays of images one after the other, copied on access.

    Args:
        first, second: `(n, height, width, 3)` and `(m, height, width, 3)` uint8.

    Attributes:
        shape, dtype: As for an array `(n + m, height, width, 3)`.
    """

    def __init__(
        self, first: npt.NDArray[np.uint8] | Subset, second: npt.NDArray[np.uint8] | Subset
    ) -> None:
        self._first, self._second = first, second
        self.shape: tuple[int, ...] = (len(first) + len(second), *first.shape[1:])
        self.dtype: np.dtype[np.uint8] = first.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
        """A copy of some of the rows."""
        numbers = np.arange(len(self))[rows]
        of_first = numbers < len(self._first)
        found = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        found[of_first] = self._first[numbers[of_first]]
        found[~of_first] = self._second[numbers[~of_first] - len(self._first)]
        return found

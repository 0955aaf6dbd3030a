"""Converts the pixels of an `.npz` file, of any dtype and range, to RGB in 0..255."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.errors import InvalidInput

_DARK = 64
Pixels = npt.NDArray[np.uint8]


def as_bytes(
    arrays: Mapping[str, npt.NDArray[Any]], path: Path, notes: list[str]
) -> dict[str, Pixels]:
    """RGB images `(n, height, width, 3)` in 0..255.

    Args:
        arrays: By name, as described for `npz.Npz.load`.
        path: For messages.
        notes: Decisions are appended.

    Raises:
        InvalidInput: An array does not hold images, or its range is unknown or differs from that
            of the others.
    """
    highest = {name: _highest(name, array, path) for name, array in arrays.items()}
    # All-black images fit either range.
    unit = [name for name, high in highest.items() if 0 < high <= 1]
    full = [name for name, high in highest.items() if high > 1]
    if unit and full:
        raise InvalidInput(
            f"--dataset: {path}: pixels of {', '.join(unit)} lie in 0..1 and those of "
            f"{', '.join(full)} in 0..255; bring all arrays to one range"
        )
    if not unit and not full:
        raise InvalidInput(f"--dataset: {path}: all pixels are 0")
    if unit and any(arrays[name].dtype.kind != "f" for name in unit):
        notes.append(f"the pixels of {path.name} are 0 and 1 only: taken for 0 and 255")
    if full and max(highest.values()) < _DARK:
        notes.append(
            f"the brightest pixel of {path.name} is {max(highest.values()):g} of 255: nearly black "
            "images, or images of a smaller range, which are not scaled"
        )
    return {name: _rgb(name, array, 255 if unit else 1, path) for name, array in arrays.items()}


def _highest(name: str, array: npt.NDArray[Any], path: Path) -> float:
    """The maximum of an array, after checking that its range is unambiguous."""
    if array.dtype.kind not in "iuf" or not array.size:
        raise InvalidInput(
            f"--dataset: {path}: images must be numbers, received {array.shape} {array.dtype} "
            f"for {name}"
        )
    low, high = float(array.min()), float(array.max())
    # Floats that barely pass 1 may be either: scaled images with an overshoot, or black ones.
    if low >= 0 and (high <= 1 or (high <= 255 and (high > 2 or array.dtype.kind in "iu"))):
        return high
    raise InvalidInput(
        f"--dataset: {path}: pixels must be integers in 0..255, or floats in 0..1 or 0..255; "
        f"received {low:g}..{high:g} ({array.dtype}) for {name}"
    )


def _rgb(name: str, array: npt.NDArray[Any], scale: int, path: Path) -> Pixels:
    pixels = array[..., None] if array.ndim == 3 else array
    if pixels.ndim != 4 or pixels.shape[-1] not in (1, 3):
        raise InvalidInput(
            f"--dataset: {path}: images must be (n, height, width, 3), (n, height, width, 1) or "
            f"(n, height, width), received {array.shape} for {name}"
        )
    if pixels.dtype != np.uint8 or scale != 1:
        pixels = np.floor(pixels * np.float32(scale) + np.float32(0.5)).astype(np.uint8)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels

"""Images that a user has, as a network gets them."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.datasets import decoding
from cifarkit.datasets.decoding import UnusableImage
from cifarkit.datasets.folder_layout import SUFFIXES, image_files
from cifarkit.errors import InvalidInput

Size = tuple[int, int]
Image = npt.NDArray[np.uint8]
Source = str | PathLike[str] | bytes | npt.NDArray[Any]
"""A file, the bytes of one, or (h, w, 3) uint8 pixels in RGB."""

_THREADS = 4


@dataclass(frozen=True, eq=False)
class Batch:
    """Some images of a size.

    Attributes:
        names: What they are called.
        images: (n, height, width, 3) uint8.
        left_out: Why images between them could not be decoded, by name.
    """

    names: tuple[str, ...]
    images: npt.NDArray[np.uint8]
    left_out: dict[str, str]


def prepared(source: Source, size: Size) -> Image:
    """An image in RGB, resized as a data folder's images are.

    Args:
        source: As in `Source`.
        size: (height, width) in pixels.

    Raises:
        UnusableImage: It cannot be decoded.
        InvalidInput: An array has another shape or dtype.
    """
    if isinstance(source, bytes):
        return decoding.decode(BytesIO(source), size)
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[-1] != 3:
            raise InvalidInput(
                f"images must be (height, width, 3) uint8 in RGB, got {source.shape} {source.dtype}"
            )
        return decoding.resized_array(source, size)
    return decoding.read(Path(source), size)


def batches(sources: Iterable[Source], size: Size, batch_size: int) -> Iterator[Batch]:
    """Images in batches, decoded in threads; those that cannot be decoded are left out."""
    numbered = enumerate(sources, start=1)

    def read(item: tuple[int, Source]) -> tuple[str, Image | str]:
        number, source = item
        given = isinstance(source, bytes | np.ndarray)
        name = f"image {number}" if given else str(source)
        try:
            return name, prepared(source, size)
        except UnusableImage as error:
            return name, str(error)

    with decoding.quiet(), ThreadPoolExecutor(_THREADS) as pool:
        while some := list(islice(numbered, batch_size)):
            found = list(pool.map(read, some))
            good = [(name, image) for name, image in found if not isinstance(image, str)]
            yield Batch(
                tuple(name for name, _ in good),
                np.stack([image for _, image in good])
                if good
                else np.empty((0, *size, 3), np.uint8),
                {name: why for name, why in found if isinstance(why, str)},
            )


def as_sources(images: Source | Iterable[Source]) -> Iterator[Source]:
    """One image or several as several; folders and patterns as the files that they mean.

    Raises:
        InvalidInput: A folder holds no images, or a pattern matches nothing.
    """
    several: Iterable[Source]
    if isinstance(images, str | PathLike | bytes) or (
        isinstance(images, np.ndarray) and images.ndim == 3
    ):
        several = [images]
    else:
        several = images
    for one in several:
        if isinstance(one, str | PathLike):
            yield from files(Path(one))
        else:
            yield one


def files(path: Path) -> Iterator[Path]:
    """The image files that a path means: of a folder all below it, of a pattern those it matches.

    A path of nothing is given as it is.

    Raises:
        InvalidInput: A folder holds no images, or a pattern matches nothing.
    """
    if path.is_dir():
        found = list(image_files(path))
        if not found:
            raise InvalidInput(f"{path} holds no images ({', '.join(SUFFIXES)})")
    elif not path.exists() and glob.has_magic(str(path)):
        found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
        found = [one for one in found if one.is_file()]
        if not found:
            raise InvalidInput(f"no file is called {path}")
    else:
        found = [path]
    yield from found

"""Locates, reads and checks the four idx files of a data set in MNIST's format.

Digests are of the unpacked files, since packages compress them anew.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path

from cifarkit.datasets.cifar_files import keras_cache
from cifarkit.digests import digest
from cifarkit.errors import InvalidInput

MOST_BYTES = 2**30
"""A file with more is refused; the largest of MNIST's kind has 547 MB (EMNIST by class)."""

_UNSIGNED_BYTES = 8
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Idx:
    """The content of an idx file of unsigned bytes.

    Attributes:
        shape: Its dimensions.
        data: `prod(shape)` bytes, in C order.
        sha256: Of the unpacked file, header included.
    """

    shape: tuple[int, ...]
    data: bytes
    sha256: str


FASHION_MNIST = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""The four files with the SHA-256 of Fashion-MNIST's, unpacked. MNIST's have the same names."""

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package `dataset-fashion-mnist` has them."""


def keras_folder() -> Path:
    """The folder that `keras.datasets.fashion_mnist` downloads to."""
    return keras_cache() / "fashion-mnist"


def locate(location: Path | None) -> Path | None:
    """The folder with the four files, or None.

    Args:
        location: The folder, with any content. None looks in Keras' cache and the system's
            folder, for the official content only.
    """
    folders = (keras_folder(), SYSTEM_FOLDER) if location is None else (location,)
    for folder in folders:
        if all(file_in(folder, name) for name in FASHION_MNIST) and (
            location is not None or _has_official_content(folder)
        ):
            return folder
    return None


def missing(location: Path | None) -> str | None:
    """None if `locate` finds something, else a message: what is missing and what to do."""
    if locate(location) is not None:
        return None
    place = f"{location} (--data-dir)"
    if location is None:
        place = (
            f"{keras_folder()} (Keras' cache) or {SYSTEM_FOLDER} (Debian's dataset-fashion-mnist) "
            "with the official content"
        )
    return (
        f"Fashion-MNIST is not available: not all of its four files are in {place}. Get "
        f"{', '.join(f'{name}.gz' for name in FASHION_MNIST)} from {URL} and pass --data-dir DIR "
        "(unpacked files also work), or use --dataset synthetic, which needs no files"
    )


def file_in(folder: Path, name: str) -> Path | None:
    """The file of that name, packed or not; None if there is none."""
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def read(folder: Path) -> dict[str, Idx]:
    """The four files by name.

    Raises:
        InvalidInput: A file is missing, damaged, too large, or does not hold what its name says.
    """
    found = {}
    for name in FASHION_MNIST:
        path = file_in(folder, name)
        if path is None:
            raise InvalidInput(f"{folder} has neither {name} nor {name}.gz")
        found[name] = read_file(path, dimensions=3 if "idx3" in name else 1)
    for part in ("train", "t10k"):
        images, labels = (found[f"{part}-{what}-ubyte"] for what in ("images-idx3", "labels-idx1"))
        if images.shape[0] != labels.shape[0]:
            raise InvalidInput(
                f"{folder}: {part}-images-idx3-ubyte has {images.shape[0]} images, "
                f"{part}-labels-idx1-ubyte {labels.shape[0]} labels"
            )
    return found


def is_official(files: dict[str, Idx]) -> bool:
    """Whether the files are Fashion-MNIST's."""
    return all(files[name].sha256 == sha256 for name, sha256 in FASHION_MNIST.items())


def read_file(path: Path, *, dimensions: int) -> Idx:
    """Read one file, packed by gzip or not.

    Args:
        dimensions: How many the array must have.

    Raises:
        InvalidInput: It cannot be read, or is not such a file.
    """
    length = 4 + 4 * dimensions
    try:
        with path.open("rb") as raw:
            packed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            with gzip.open(raw) if packed else raw as stream:
                header = stream.read(length)
                shape = _shape(header, dimensions, path)
                size = prod(shape)
                data = stream.read(size)
                complete = len(data) == size and not stream.read(1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(f"{path} cannot be read: it is damaged ({error})") from error
    if not complete:
        has = f"only {len(data):,}" if len(data) < size else "more"
        raise InvalidInput(f"{path} is damaged: its header announces {size:,} bytes, it has {has}")
    return Idx(shape, data, digest([header, data]))


def _shape(header: bytes, dimensions: int, path: Path) -> tuple[int, ...]:
    expected = bytes([0, 0, _UNSIGNED_BYTES, dimensions])
    if header[:4] != expected or len(header) != 4 + 4 * dimensions:
        raise InvalidInput(
            f"{path} is not an idx file of unsigned bytes in {dimensions} "
            f"dimension{'s' if dimensions > 1 else ''}: it begins with "
            f"{header[:4].hex() or 'nothing'}, expected {expected.hex()}"
        )
    shape = struct.unpack(f">{dimensions}I", header[4:])
    if not 0 < prod(shape) <= MOST_BYTES:
        raise InvalidInput(
            f"{path} announces an array of {' x '.join(map(str, shape))} bytes; "
            f"more than none and at most {MOST_BYTES // 2**20} MiB are read"
        )
    return shape


def _has_official_content(folder: Path) -> bool:
    stats = [os.stat(path) for name in FASHION_MNIST if (path := file_in(folder, name))]
    return _checked(folder, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))


@lru_cache(maxsize=16)
def _checked(folder: Path, _stamp: tuple[tuple[int, int], ...]) -> bool:
    try:
        return is_official(read(folder))
    except InvalidInput:
        return False

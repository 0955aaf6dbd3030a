"""Reads an `.npz` file of images and labels."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from cifarkit.data import files, images
from cifarkit.data.catalog import DataFacts
from cifarkit.data.dataset import ImageDataset, Images, Labels
from cifarkit.data.holdout import draw_test
from cifarkit.data.view import View
from cifarkit.errors import InvalidInput

_CONVENTIONS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
_RAW = npt.NDArray[Any]
_Pixels = npt.NDArray[np.uint8]


def facts(path: Path) -> DataFacts:
    """The facts of an `.npz`: its labels are read, its images are not.

    Raises:
        InvalidInput: It is damaged, or its labels are not as `load` wants them.
    """
    labels = _read_labels(path)
    return DataFacts(
        dataset="npz",
        title=path.name,
        class_names=labels.class_names,
        class_groups=(),
        train_per_class=int(np.bincount(labels.train, minlength=len(labels.class_names)).min()),
        fingerprint=_fingerprint(path),
        location=str(path),
    )


def load(path: Path, *, image_size: int) -> ImageDataset:
    """Read an `.npz` file.

    It holds `x_train`, `y_train`, `x_test` and `y_test`; or `train_images`, `train_labels`,
    `test_images` and `test_labels`. The test arrays may be left out: a fifth of each class then
    becomes the test part. Images are `(n, height, width, 3)`, `(n, height, width, 1)` or
    `(n, height, width)`; integers in 0..255, or floats in 0..1 or 0..255. Labels are integers,
    `(n,)` or `(n, 1)`; the classes are the labels that occur in training, in order, called by
    the optional `class_names` or else by their numbers.

    Args:
        path: The file.
        image_size: Images with a longer side are resized to `image_size` x `image_size`.

    Raises:
        InvalidInput: The file is damaged, or its arrays are not as said here.
    """
    labels = _read_labels(path)
    with _Archive(path) as archive:
        train_name, _, test_name, _ = archive.convention()
        parts = [archive.array(train_name)]
        if labels.held_out is None:
            parts.append(archive.array(test_name))
    pixels: list[Images] = [_resized(part, image_size) for part in _as_bytes(parts, path)]
    if labels.held_out is not None:
        if len(pixels[0]) != len(labels.held_out):
            raise InvalidInput(
                f"--dataset: {path} has {len(pixels[0])} images for {len(labels.held_out)} labels"
            )
        (whole,) = pixels
        pixels = [View(whole, np.flatnonzero(part)) for part in (~labels.held_out, labels.held_out)]
    return ImageDataset(
        name=path.name,
        train_images=pixels[0],
        train_labels=labels.train,
        test_images=pixels[1],
        test_labels=labels.test,
        class_names=labels.class_names,
        fingerprint=_fingerprint(path),
    )


@dataclass(frozen=True)
class _Labels:
    """Both parts' labels in 0..classes-1; `held_out` marks the test part if it was drawn."""

    train: Labels
    test: Labels
    class_names: tuple[str, ...]
    held_out: npt.NDArray[np.bool_] | None


class _Archive:
    """An open `.npz` whose every fault is an `InvalidInput` that names the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InvalidInput(f"--dataset: {path} is not a readable .npz file: {error}") from error
        if not isinstance(self._file, np.lib.npyio.NpzFile):
            raise InvalidInput(f"--dataset: {path} holds one array, not an .npz of several")

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._file.files

    def array(self, name: str) -> _RAW:
        try:
            return np.asarray(self._file[name])
        except Exception as error:  # Of the zip, of its compression, or of the array's header.
            raise InvalidInput(
                f"--dataset: {self.path}: array {name!r} cannot be read ({error}); plain numbers "
                "are needed, without pickled objects"
            ) from error

    def convention(self) -> tuple[str, str, str, str]:
        """The names of the four arrays; the last two may be absent, but only together."""
        for names in _CONVENTIONS:
            if names[0] in self and names[1] in self:
                if (names[2] in self) != (names[3] in self):
                    raise InvalidInput(
                        f"--dataset: {self.path} has only one of {names[2]} and {names[3]}"
                    )
                return names
        raise InvalidInput(
            f"--dataset: {self.path} must hold x_train and y_train (x_test and y_test too, if "
            "there is a test part), or train_images, train_labels and so on; it holds "
            f"{', '.join(self._file.files) or 'nothing'}"
        )


def _read_labels(path: Path) -> _Labels:
    with _Archive(path) as archive:
        _, train_name, _, test_name = archive.convention()
        train = _integers(archive, train_name)
        test = _integers(archive, test_name) if test_name in archive else None
        given = archive.array("class_names") if "class_names" in archive else None
    present, counts = np.unique(train, return_counts=True)
    if len(present) < 2:
        raise InvalidInput(
            f"--dataset: {path}: {train_name} has {len(present)} class, 2 are needed"
        )
    class_names = _class_names(path, present, given)
    train_labels = np.searchsorted(present, train).astype(np.int32)
    if test is not None:
        odd = np.setdiff1d(test, present)
        if len(odd):
            raise InvalidInput(
                f"--dataset: {path}: {test_name} has class {odd[0]}, which {train_name} lacks"
            )
        test_labels = np.searchsorted(present, test).astype(np.int32)
        return _Labels(train_labels, test_labels, class_names, held_out=None)
    if counts.min() < 2:
        raise InvalidInput(
            f"--dataset: {path}: class {class_names[int(counts.argmin())]!r} has one image; "
            "without a test part, two or more are needed"
        )
    held_out = draw_test(train_labels)
    return _Labels(train_labels[~held_out], train_labels[held_out], class_names, held_out)


def _integers(archive: _Archive, name: str) -> npt.NDArray[np.int64]:
    values = archive.array(name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "iu" or not len(values):
        raise InvalidInput(
            f"--dataset: {archive.path}: {name} must be integers of shape (n,) or (n, 1), "
            f"received {values.shape} {values.dtype}"
        )
    return values.astype(np.int64)


def _class_names(path: Path, present: npt.NDArray[np.int64], given: _RAW | None) -> tuple[str, ...]:
    if given is None:
        return tuple(str(label) for label in present.tolist())
    if given.ndim != 1 or given.dtype.kind not in "US":
        raise InvalidInput(
            f"--dataset: {path}: class_names must be a list of texts, "
            f"received {given.shape} {given.dtype}"
        )
    names = tuple(
        n.decode("utf-8", "replace") if isinstance(n, bytes) else n for n in given.tolist()
    )
    if len(names) == len(present):
        return names
    if present[0] >= 0 and present[-1] < len(names):
        return tuple(names[label] for label in present.tolist())
    raise InvalidInput(
        f"--dataset: {path} has {len(names)} class_names for {len(present)} classes "
        f"({present[0]}..{present[-1]})"
    )


def _as_bytes(parts: list[_RAW], path: Path) -> list[_Pixels]:
    """RGB images in 0..255; all parts are taken to have the same range."""
    scale = _scale(parts, path)
    return [_rgb(part, scale, path) for part in parts]


def _scale(parts: list[_RAW], path: Path) -> int:
    """What pixels must be multiplied by to lie in 0..255."""
    if any(part.dtype.kind not in "iuf" or not part.size for part in parts):
        received = ", ".join(f"{part.shape} {part.dtype}" for part in parts)
        raise InvalidInput(f"--dataset: {path}: images must be numbers, received {received}")
    low, high = min(float(p.min()) for p in parts), max(float(p.max()) for p in parts)
    if any(part.dtype.kind == "f" for part in parts) and low >= 0 and high <= 1:
        return 255
    # Floats that barely pass 1 may be either: scaled images with an overshoot, or black ones.
    if low >= 0 and high <= 255 and (high > 2 or all(p.dtype.kind in "iu" for p in parts)):
        return 1
    raise InvalidInput(
        f"--dataset: {path}: pixels must be integers in 0..255, or floats in 0..1 or 0..255; "
        f"received {low:g}..{high:g} ({parts[0].dtype})"
    )


def _rgb(part: _RAW, scale: int, path: Path) -> _Pixels:
    pixels = part[..., None] if part.ndim == 3 else part
    if pixels.ndim != 4 or pixels.shape[-1] not in (1, 3):
        raise InvalidInput(
            f"--dataset: {path}: images must be (n, height, width, 3), (n, height, width, 1) or "
            f"(n, height, width), received {part.shape}"
        )
    if pixels.dtype != np.uint8:
        pixels = np.floor(pixels * np.float32(scale) + np.float32(0.5)).astype(np.uint8)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


def _resized(pixels: _Pixels, image_size: int) -> _Pixels:
    if max(pixels.shape[1:3]) <= image_size:
        return pixels
    smaller = np.empty((len(pixels), image_size, image_size, 3), np.uint8)
    for index, image in enumerate(pixels):
        smaller[index] = np.asarray(images.resized(Image.fromarray(image), image_size))
    return smaller


def _fingerprint(path: Path) -> str:
    """Hash of the arrays' names and bytes, however they are compressed."""
    try:
        (info,) = files.inspect(path, [path], _digests, version="1")
    except OSError as error:
        raise InvalidInput(f"--dataset: {path} cannot be read: {error}") from error
    if "fault" in info.found:
        raise InvalidInput(f"--dataset: {path} is not a readable .npz file: {info.found['fault']}")
    return files.fingerprint(info.found["digests"])


def _digests(stream: BinaryIO) -> dict[str, Any]:
    digests = {}
    try:
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                with archive.open(member) as content:
                    digests[member.filename] = files.digest_of(content)
    except Exception as error:  # of the zip or of its compression
        return {"fault": str(error) or type(error).__name__}
    return {"digests": digests}

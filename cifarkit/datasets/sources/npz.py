"""Reads an `.npz` file of images and labels."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from cifarkit.datasets import decoding, file_hashes
from cifarkit.datasets.dataset import ImageDataset, Images
from cifarkit.datasets.duplicates import digests_of, refuse_equal_parts
from cifarkit.datasets.info import DatasetInfo, DataSource, path_of
from cifarkit.datasets.npz_archive import NpzArchive
from cifarkit.datasets.npz_labels import read_labels
from cifarkit.datasets.npz_pixels import Pixels, as_bytes
from cifarkit.datasets.subset import Subset
from cifarkit.datasets.test_split import draw_test
from cifarkit.errors import InvalidInput

_VERSION = "3"
"""Increment when `_examine`'s findings for the same file change."""


def _inspect(path: Path) -> dict[str, Any]:
    """The findings of `_examine`, from the cache if the file is unchanged."""
    try:
        (info,) = file_hashes.inspect(
            path, [path], lambda stream: _examine(path, stream), version=_VERSION
        )
    except OSError as error:
        raise InvalidInput(f"--dataset: {path} cannot be read: {error}") from error
    if "fault" in info.found:
        raise InvalidInput(info.found["fault"])
    return info.found


def _examine(path: Path, stream: BinaryIO) -> dict[str, Any]:
    try:
        data = _read(path, stream, None)
        parts: dict[str, Images | None] = {"the training part": data.train_images}
        parts["the validation part"] = data.validation_images
        if not isinstance(data.test_images, Subset):  # a drawn test part is not the file's fault
            parts["the test part"] = data.test_images
        refuse_equal_parts(
            path.name, {name: digests_of(part) for name, part in parts.items() if part is not None}
        )
        stream.seek(0)
        return {
            "digests": _member_digests(stream),
            "class_names": data.class_names,
            "train_counts": np.bincount(
                data.train_labels, minlength=len(data.class_names)
            ).tolist(),
            "has_validation": data.validation_images is not None,
            "notes": data.notes,
        }
    except InvalidInput as error:
        return {"fault": str(error)}


def _member_digests(stream: BinaryIO) -> dict[str, str]:
    """Fingerprint of the arrays, independent of their compression."""
    digests = {}
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            with archive.open(member) as content:
                digests[member.filename] = file_hashes.digest_of(content)
    return digests


def _read(path: Path, stream: BinaryIO, image_size: int | None) -> ImageDataset:
    with NpzArchive(path, stream) as archive:
        names = archive.parts()
        extra = archive.rest()
        notes = [f"not used: {', '.join(extra)} of {path.name}"] if extra else []
        labels, class_names = read_labels(archive, {role: y for role, (_, y) in names.items()})
        raw = {x: archive.array(x) for x, _ in names.values()}
    for role, (x, y) in names.items():
        if raw[x].shape[:1] != labels[role].shape:
            raise InvalidInput(
                f"--dataset: {path}: {x} must have an image for each of the {len(labels[role])} "
                f"labels of {y}, received {raw[x].shape}"
            )
    pixels = as_bytes(raw, path, notes)
    parts: dict[str, Images] = {
        role: _resized(pixels[x], image_size) for role, (x, _) in names.items()
    }
    if "validation" in names:
        own = names["validation"][0]
        notes.append(f"{own} is the validation part: validation_fraction is not used")
        if "test" not in names:
            notes.append(
                "there is no test part: a fifth of each class of the training images is held out "
                f"as one, since choices are made on {own}"
            )
    if "test" not in names:
        counts = np.bincount(labels["train"])
        if counts.min() < 2:
            raise InvalidInput(
                f"--dataset: {path}: class {class_names[int(counts.argmin())]!r} has one image; "
                "without a test part, two or more are needed"
            )
        whole, chosen = parts["train"], draw_test(labels["train"])
        for role, rows in (("test", chosen), ("train", ~chosen)):
            parts[role] = Subset(whole, np.flatnonzero(rows))
        labels |= {"test": labels["train"][chosen], "train": labels["train"][~chosen]}
    elif absent := sorted({*range(len(class_names))} - set(labels["test"].tolist())):
        named = ", ".join(class_names[label] for label in absent[:5])
        notes.append(
            f"no test images of {len(absent)} of {len(class_names)} classes of {path.name}: "
            f"{named}{', ...' if absent[5:] else ''}"
        )
    return ImageDataset(
        name=path.name,
        train_images=parts["train"],
        train_labels=labels["train"],
        validation_images=parts.get("validation"),
        validation_labels=labels.get("validation"),
        test_images=parts["test"],
        test_labels=labels["test"],
        class_names=class_names,
        notes=tuple(notes),
    )


def _resized(pixels: Pixels, image_size: int | None) -> npt.NDArray[np.uint8]:
    if image_size is None or max(pixels.shape[1:3]) <= image_size:
        return pixels
    smaller = np.empty((len(pixels), image_size, image_size, 3), np.uint8)
    for index, image in enumerate(pixels):
        smaller[index] = np.asarray(decoding.resized(Image.fromarray(image), image_size))
    return smaller


class Npz(DataSource):
    """An `.npz` file of images and labels."""

    name = "npz"

    def info(self, location: Path | None) -> DatasetInfo:
        """The facts of an `.npz`, which is read completely unless its findings are cached.

        Raises:
            InvalidInput: As `load`; or two parts hold the same images.
        """
        path = path_of(location, self.name)
        found = _inspect(path)
        return DatasetInfo(
            dataset=self.name,
            title=path.name,
            class_names=tuple(found["class_names"]),
            class_groups=(),
            train_per_class=min(found["train_counts"]),
            train_in_largest_class=max(found["train_counts"]),
            fingerprint=file_hashes.fingerprint(found["digests"]),
            location=str(path),
            has_validation=found["has_validation"],
            notes=tuple(found["notes"]),
        )

    def load(self, location: Path | None, *, image_size: int) -> ImageDataset:
        """Read an `.npz` file.

        It holds `x_train`, `y_train`, `x_test` and `y_test`; or `train_images`, `train_labels`,
        `test_images` and `test_labels`. The test arrays may be left out: a fifth of each class of
        the training images then becomes the test part. A validation part is `x_val` and `y_val`, or
        `val_images` and `val_labels` (or `valid` or `validation` in place of `val`).

        Images are `(n, height, width, 3)`, `(n, height, width, 1)` or `(n, height, width)`;
        integers in 0..255, or floats in 0..1 or 0..255, or integers 0 and 1, which become 0 and
        255; the same range in all parts. Labels are integers or texts, `(n,)` or `(n, 1)`, or
        one-hot, `(n, classes)`; the classes are the labels that occur in training, in order, called
        by the optional `class_names` or else by their numbers.

        Args:
            image_size: Images with a longer side are resized to `image_size` x `image_size`.

        Raises:
            InvalidInput: The file is damaged, or its arrays do not match this description.
        """
        path = path_of(location, self.name)
        try:
            with file_hashes.open_regular(path) as stream:
                data = _read(path, stream, image_size)
        except OSError as error:
            raise InvalidInput(f"--dataset: {path} cannot be read: {error}") from error
        return replace(data, fingerprint=file_hashes.fingerprint(_inspect(path)["digests"]))


SOURCE = Npz()

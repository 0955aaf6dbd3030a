"""Reads a folder of class folders of image files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cifarkit.datasets import cache_folder, decoding
from cifarkit.datasets.dataset import ImageDataset, Labels
from cifarkit.datasets.decoding import UnusableImage
from cifarkit.datasets.file_hashes import in_threads, progress
from cifarkit.datasets.folder_scan import ImageFile, Part, Scan, scan
from cifarkit.datasets.info import DatasetInfo, DataSource, path_of
from cifarkit.datasets.test_split import draw_test, test_size
from cifarkit.errors import InvalidInput

_VERSION = 2  # increment if the same files would give other pixels


def _checked(path: Path) -> Scan:
    found = scan(path)
    for name, members in zip(found.class_names, found.train, strict=True):
        if found.test is None and len(members) < 2:
            raise InvalidInput(
                f"--dataset: class {name!r} of {path} has one image; without a test part, two or "
                "more are needed"
            )
    return found


def _parts(found: Scan) -> dict[str, tuple[list[ImageFile], Labels]]:
    """The files of each part with their labels, in the order of its images."""
    listed = {"train": _listed(found.train)}
    if found.test is None:
        members, labels = listed["train"]
        chosen = draw_test(labels)
        for part, rows in (("train", ~chosen), ("test", chosen)):
            listed[part] = [members[row] for row in np.flatnonzero(rows)], labels[rows]
    else:
        listed["test"] = _listed(found.test)
    if found.validation is not None:
        listed["validation"] = _listed(found.validation)
    return listed


def _decode(found: Scan, image_size: int) -> cache_folder.Arrays:
    listed = _parts(found)
    pixels = _read(found.root, [file for part, _ in listed.values() for file in part], image_size)
    arrays: cache_folder.Arrays = {}
    for part, (members, labels) in listed.items():
        arrays[f"{part}_images"], pixels = pixels[: len(members)], pixels[len(members) :]
        arrays[f"{part}_labels"] = labels
    return arrays


def _listed(classes: Part) -> tuple[list[ImageFile], Labels]:
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), [len(files) for files in classes])
    return [file for files in classes for file in files], labels


def _read(root: Path, members: Sequence[ImageFile], image_size: int) -> npt.NDArray[np.uint8]:
    """`(n, height, width, 3)`: the pixels of every file."""
    sizes = {file.size for file in members}
    size = sizes.pop() if len(sizes) == 1 else (image_size + 1,)
    kept = max(size) <= image_size
    pixels = np.empty((len(members), *(size if kept else (image_size, image_size)), 3), np.uint8)

    def decode(index: int) -> None:
        file = members[index]
        try:
            pixels[index] = decoding.read(file.path, None if kept else image_size, file.digest)
        except UnusableImage as error:
            raise InvalidInput(f"--dataset: {file.path.relative_to(root)}: {error}") from error

    with decoding.quiet():
        paths = [file.path for file in members]
        for _ in progress(in_threads(decode, range(len(members))), root, paths):
            pass
    return pixels


class Folder(DataSource):
    """Class folders of image files."""

    name = "folder"

    def info(self, location: Path | None) -> DatasetInfo:
        """The facts of a folder, from scanning its files.

        Raises:
            InvalidInput: As `folder_scan.scan`, or a class has one image and there is no test part.
        """
        path = path_of(location, self.name)
        found = _checked(path)
        counts = [len(members) for members in found.train]
        if found.test is None:
            counts = [count - test_size(count) for count in counts]
        return DatasetInfo(
            dataset=self.name,
            title=path.name,
            class_names=found.class_names,
            class_groups=(),
            train_per_class=min(counts),
            train_in_largest_class=max(counts),
            fingerprint=found.fingerprint,
            location=str(path),
            has_validation=found.validation is not None,
            notes=found.notes,
            skipped=found.skipped,
        )

    def load(self, location: Path | None, *, image_size: int) -> ImageDataset:
        """Read a folder's images; without a test part a fifth of each class becomes it.

        Images that share one size, no side longer than `image_size`, keep it; otherwise every one
        is resized to `image_size` x `image_size`. The decoded pixels are kept in the cache.

        Raises:
            InvalidInput: As for `info`; or an image changed while it was read.
        """
        path = path_of(location, self.name)
        found = _checked(path)
        entry = f"folder-v{_VERSION}-{found.fingerprint.removeprefix('blake2b:')}-{image_size}"
        arrays = cache_folder.read(entry)
        if arrays is None:
            arrays = _decode(found, image_size)
            cache_folder.write(entry, arrays)
        return ImageDataset(
            name=path.name,
            class_names=found.class_names,
            fingerprint=found.fingerprint,
            notes=found.notes,
            test_files=tuple(
                file.path.relative_to(found.root).as_posix() for file in _parts(found)["test"][0]
            ),
            train_images=arrays["train_images"],
            train_labels=arrays["train_labels"],
            validation_images=arrays.get("validation_images"),
            validation_labels=arrays.get("validation_labels"),
            test_images=arrays["test_images"],
            test_labels=arrays["test_labels"],
        )


SOURCE = Folder()

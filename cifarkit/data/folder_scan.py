"""What lies in a folder of class folders, from names and sizes alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cifarkit.errors import InvalidInput

_TEST_NAMES = ("test", "val", "valid", "validation")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".tif", ".tiff")


@dataclass(frozen=True)
class Scan:
    """The image files of a folder, by class.

    Attributes:
        root: The folder.
        class_names: The class folders' names, sorted.
        train: The image files of each class, sorted; all of them if there is no test part.
        test: The same of the test part; None if the folder has none.
        fingerprint: `sha256:` and 16 digits, of the files' relative paths and sizes.
        stamp: 16 digits, of the same and of the times of change: tells that a file was replaced
            by one of its size, but also changes where a copy did not keep the times.
    """

    root: Path
    class_names: tuple[str, ...]
    train: tuple[tuple[Path, ...], ...]
    test: tuple[tuple[Path, ...], ...] | None
    fingerprint: str
    stamp: str


def scan(root: Path) -> Scan:
    """Look through a folder of class folders, or one with `train` and `test` parts.

    The parts are `train`, which holds class folders, and beside it `test`; a `val`, `valid` or
    `validation` is taken for the test part only where there is no `test`. Images may lie deeper
    inside a class folder. Hidden files and files that are no images are passed over.

    Raises:
        InvalidInput: There are fewer than two classes, a class without images, or parts that
            differ in their classes.
    """
    try:
        train_root, test_root = _parts(root)
        train = _classes(train_root)
        test = None if test_root is None else _classes(test_root)
        fingerprint, stamp = _digests(root, [*train.values(), *(test or {}).values()])
    except OSError as error:
        raise InvalidInput(f"--dataset: {root} cannot be read: {error}") from error
    if len(train) < 2:
        raise InvalidInput(
            f"--dataset: {train_root} must hold at least two folders of images, one for each "
            f"class; it holds {', '.join(train) or 'none'}"
        )
    if test is not None and test.keys() != train.keys():
        odd = sorted(test.keys() ^ train.keys())
        raise InvalidInput(
            f"--dataset: {train_root} and {test_root} must have the same class folders; only one "
            f"of them has {', '.join(odd[:5])}{', ...' if odd[5:] else ''}"
        )
    return Scan(
        root=root,
        class_names=tuple(train),
        train=tuple(train.values()),
        test=None if test is None else tuple(test[name] for name in train),
        fingerprint=f"sha256:{fingerprint}",
        stamp=stamp,
    )


def _parts(root: Path) -> tuple[Path, Path | None]:
    """The folders that hold the class folders; a class that is called `train` is no part."""
    train = root / "train"
    if not (train.is_dir() and _folders(train)):
        return root, None
    tests = [root / name for name in _TEST_NAMES if (root / name).is_dir()]
    return train, tests[0] if tests else None


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _classes(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The image files of each class folder."""
    classes = {}
    for class_folder in _folders(folder):
        if _is_no_text(class_folder.name):
            raise InvalidInput(f"--dataset: the name of class folder {class_folder} is no text")
        # A link that leads back up would bring in other classes, and never end.
        seen = {os.path.realpath(parent) for parent in class_folder.parents}
        classes[class_folder.name] = tuple(_images(class_folder, seen))
        if not classes[class_folder.name]:
            raise InvalidInput(
                f"--dataset: class folder {class_folder} holds no images; "
                f"{', '.join(_SUFFIXES)} files are taken for images"
            )
    return classes


def _is_no_text(name: str) -> bool:
    """Whether the name has bytes that are no letters in the system's encoding."""
    return any("\ud800" <= letter <= "\udfff" for letter in name)


def _images(folder: Path, seen: set[str]) -> Iterator[Path]:
    """The image files in a folder and below, in order; every folder is entered once."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _images(path, seen)
        elif path.suffix.lower() in _SUFFIXES:
            yield path


def _digests(root: Path, classes: list[tuple[Path, ...]]) -> tuple[str, str]:
    """The digits of `Scan.fingerprint` and `Scan.stamp`."""
    content, times = hashlib.sha256(), hashlib.sha256()
    for file in sorted(file for files in classes for file in files):
        stat = file.stat()
        line = f"{file.relative_to(root).as_posix()}\0{stat.st_size}\n"
        content.update(line.encode("utf-8", "surrogateescape"))
        times.update(f"{stat.st_mtime_ns}\n".encode())
    times.update(content.digest())
    return content.hexdigest()[:16], times.hexdigest()[:16]

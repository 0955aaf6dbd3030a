"""Locates CIFAR's files in their formats and checks for the official content.

Nothing is unpacked or decoded here; files are only looked for and hashed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cifarkit.digests import blocks, digest
from cifarkit.errors import InvalidInput

HOME_PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"


@dataclass(frozen=True)
class Format:
    """A published format of a CIFAR data set.

    Attributes:
        binary: True for fixed-size records, False for Python pickles.
        archive: The name of the packed file.
        archive_md5: The MD5 of the official archive, from its home page.
        folder: The folder in the archive that holds everything.
        train: The training files and the MD5 of the official ones.
        test: The test file and its MD5.
        meta: The files with the class names; in binary CIFAR-100 the superclasses' come second.
        coarse: Whether images have a superclass label too.
    """

    binary: bool
    archive: str
    archive_md5: str
    folder: str
    train: dict[str, str]
    test: dict[str, str]
    meta: tuple[str, ...]
    coarse: bool


FORMATS: dict[str, tuple[Format, Format]] = {
    "cifar100": (
        Format(
            binary=False,
            archive="cifar-100-python.tar.gz",
            archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
            folder="cifar-100-python",
            train={"train": "16019d7e3df5f24257cddd939b257f8d"},
            test={"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
            meta=("meta",),
            coarse=True,
        ),
        Format(
            binary=True,
            archive="cifar-100-binary.tar.gz",
            archive_md5="03b5dce01913d631647c71ecec9e9cb8",
            folder="cifar-100-binary",
            train={"train.bin": "6172c7755cfe09b2fe270c85cebc1b15"},
            test={"test.bin": "4499cfba6c016c1be1438163640a0898"},
            meta=("fine_label_names.txt", "coarse_label_names.txt"),
            coarse=True,
        ),
    ),
    "cifar10": (
        Format(
            binary=False,
            archive="cifar-10-python.tar.gz",
            archive_md5="c58f30108f718f92721af3b95e74349a",
            folder="cifar-10-batches-py",
            train={
                "data_batch_1": "c99cafc152244af753f735de768cd75f",
                "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
                "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
                "data_batch_4": "634d18415352ddfa80567beed471001a",
                "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            },
            test={"test_batch": "40351d587109b95175f43aff81a1287e"},
            meta=("batches.meta",),
            coarse=False,
        ),
        Format(
            binary=True,
            archive="cifar-10-binary.tar.gz",
            archive_md5="c32a1d4ab5d03f1284b67883e8d87530",
            folder="cifar-10-batches-bin",
            train={
                "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
                "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
                "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
                "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
                "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
            },
            test={"test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d"},
            meta=("batches.meta.txt",),
            coarse=False,
        ),
    ),
}
"""The published formats of each data set; the first is the one that is downloaded."""

TITLES = {"cifar100": "CIFAR-100", "cifar10": "CIFAR-10"}
"""The data sets' names in documents."""

Stamp = tuple[tuple[int, int], ...]
"""Size and modification time of each file, which identify its content."""


def keras_cache() -> Path:
    """Keras' data set cache; it may not exist."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return Path(os.path.abspath(os.path.expanduser(home))) / "datasets"


def keras_archive(dataset: str) -> Path:
    """The path at which Keras itself keeps the downloaded archive."""
    return keras_cache() / f"{FORMATS[dataset][0].folder}-target_archive"


def locate(dataset: str, location: Path | None) -> Path | None:
    """The archive or unpacked folder to read, or None.

    Args:
        dataset: `cifar100` or `cifar10`.
        location: The archive, the folder that it unpacks to, or a directory that holds either,
            with any content. None looks in Keras' cache for the official content only.
    """
    if location is not None:
        return next(_candidates(dataset, location), None)
    official = (
        found for found in _candidates(dataset, keras_cache()) if is_official(dataset, found)
    )
    return next(official, None)


def missing(dataset: str, location: Path | None) -> str | None:
    """None if `locate` finds something, else a message: what is missing and what to do."""
    if locate(dataset, location) is not None:
        return None
    place = f"{keras_cache()} (Keras' cache)" if location is None else f"{location} (--data-dir)"
    python, binary = FORMATS[dataset]
    problem = f"{TITLES[dataset]} is not available: {python.archive} is not in {place}"
    for other in _candidates(dataset, keras_cache()) if location is None else ():
        problem += f"; {other} exists but does not have the official content"
    return (
        f"{problem}. Get it from {HOME_PAGE} and pass --data-dir DIR ({binary.archive} and the "
        f"unpacked folders {python.folder} and {binary.folder} also work), or use "
        "--dataset synthetic, which needs no files"
    )


def is_official(dataset: str, found: Path) -> bool:
    """Whether an archive or unpacked folder found by `locate` holds the official images.

    Raises:
        InvalidInput: A file cannot be read.
    """
    try:
        return _is_official(dataset, found, _stamp(dataset, found))
    except OSError as error:
        raise InvalidInput(f"{found} cannot be read: {error}") from error


def _stamp(dataset: str, found: Path) -> Stamp:
    """The stamp of an archive, or of the files of an unpacked folder."""
    files = [found]
    if found.is_dir():
        form = _unpacked_format(dataset, found)
        names = (*form.train, *form.test, *form.meta) if form else ()
        files = [found / name for name in names if (found / name).is_file()]
    stats = [file.stat() for file in files]
    return tuple((stat.st_size, stat.st_mtime_ns) for stat in stats)


@lru_cache(maxsize=16)
def _is_official(dataset: str, found: Path, _stamp: Stamp) -> bool:
    if found.is_file():
        return _md5(found) in {form.archive_md5 for form in FORMATS[dataset]}
    form = _unpacked_format(dataset, found)
    return form is not None and all(
        _md5(found / name) == md5 for name, md5 in (form.train | form.test).items()
    )


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return digest(blocks(stream), "md5")


def _candidates(dataset: str, location: Path) -> Iterator[Path]:
    """The paths at a location that could be the data set, fastest to read first."""
    if location.is_file() or _unpacked_format(dataset, location):
        yield location
        return
    forms = FORMATS[dataset]
    folders = [location / form.folder for form in forms]
    # Keras unpacks `NAME` into `NAME-target/` and keeps the archive as `NAME-target_archive`.
    folders += [location / f"{form.folder}-target" / form.folder for form in forms]
    archives = [location / form.archive for form in forms]
    archives += [location / f"{form.folder}-target_archive" for form in forms]
    yield from (folder for folder in folders if _unpacked_format(dataset, folder))
    yield from (archive for archive in archives if archive.is_file())


def _unpacked_format(dataset: str, folder: Path) -> Format | None:
    """The format whose image files are all in the folder."""
    for form in FORMATS[dataset]:
        if all((folder / name).is_file() for name in (*form.train, *form.test)):
            return form
    return None

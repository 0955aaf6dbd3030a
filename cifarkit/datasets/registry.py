"""What is known of a data set before its images are read, and whether its files are at hand.

Cheap to import and to ask: a spec is checked against these facts. The readers (and NumPy with
them) are imported only where the files themselves must be looked into.
"""

from __future__ import annotations

import contextlib
import os
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cifarkit.datasets import builtin_classes
from cifarkit.errors import InvalidInput, unknown

BUILT_IN = ("cifar100", "cifar10", "synthetic")
"""The data sets known by name. Anything else is a path."""

_ON_DISK = ("folder", "npz")


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set without reading its images.

    Attributes:
        dataset: `cifar100`, `cifar10`, `synthetic`, `folder` or `npz`.
        title: Its name in documents. Data in CIFAR's format that is not CIFAR says so here.
        class_names: The names of the classes, in the order of their labels.
        class_groups: The superclass of each class; empty if there are none.
        train_per_class: Training images of the smallest class; None if that is not cheaply known.
        train_in_largest_class: The same of the largest class; None if all are equal or unknown.
        fingerprint: Hash of the content: `blake2b:` and 32 hexadecimal digits for folders and
            `.npz` (earlier versions: `sha256:`, of names and sizes only), `sha256:` and 16 digits
            for data in CIFAR's format; None for the official content of a built-in data set.
        location: The absolute path of the files; None where the data set has its own place.
        has_validation: Whether the data comes with a validation part of its own.
        notes: What a reader of the results must know, as sentences without a full stop.
        skipped: Images that cannot be decoded and are left out, each with the reason.
    """

    dataset: str
    title: str
    class_names: tuple[str, ...]
    class_groups: tuple[str, ...]
    train_per_class: int | None
    fingerprint: str | None
    location: str | None
    train_in_largest_class: int | None = None
    has_validation: bool = False
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


_OFFICIAL = {
    "cifar100": DatasetInfo(
        dataset="cifar100",
        title="CIFAR-100",
        class_names=builtin_classes.CIFAR100_CLASSES,
        class_groups=builtin_classes.CIFAR100_CLASS_GROUPS,
        train_per_class=500,
        fingerprint=None,
        location=None,
    ),
    "cifar10": DatasetInfo(
        dataset="cifar10",
        title="CIFAR-10",
        class_names=builtin_classes.CIFAR10_CLASSES,
        class_groups=(),
        train_per_class=5000,
        fingerprint=None,
        location=None,
    ),
    "synthetic": DatasetInfo(
        dataset="synthetic",
        title="synthetic",
        class_names=tuple("_".join(pair) for pair in builtin_classes.synthetic_classes()),
        class_groups=tuple(shape for shape, _ in builtin_classes.synthetic_classes()),
        train_per_class=500,
        fingerprint=None,
        location=None,
    ),
}


def facts(dataset: str, location: str | None = None) -> DatasetInfo:
    """The facts of a data set.

    Args:
        dataset: A name of `BUILT_IN`; or a path to a folder of class folders or to an `.npz`
            file; or `folder` or `npz`, with the path as `location`.
        location: `--data-dir`: for CIFAR the archive, its unpacked folder, or a directory that
            holds either. Refused for the synthetic data set.

    Raises:
        InvalidInput: There is no such data set, its files are not there, or they are unusable.
    """
    kind, path = resolve(dataset, location)
    if path is None:
        return _OFFICIAL[kind]
    if _scanned is None:
        return _scan(kind, path)
    if (kind, path) not in _scanned:
        _scanned[kind, path] = _scan(kind, path)
    return _scanned[kind, path]


_scanned: dict[tuple[str, Path], DatasetInfo] | None = None


@contextlib.contextmanager
def scanned_once() -> Iterator[None]:
    """Look at each data set once: what is planned within has one and the same data."""
    global _scanned
    _scanned = {}
    try:
        yield
    finally:
        _scanned = None


def _scan(kind: str, path: Path) -> DatasetInfo:
    if kind == "folder":
        from cifarkit.datasets import folder

        return folder.facts(path)
    if kind == "npz":
        from cifarkit.datasets import npz

        return npz.facts(path)
    from cifarkit.datasets import cifar

    return cifar.facts(_OFFICIAL[kind], path)


def missing(dataset: str, location: str | None = None) -> str | None:
    """None if the files are at hand, else what is missing, where it was sought, and what to do.

    Takes what `facts` takes, and never raises. The files' presence is checked; of CIFAR in Keras'
    cache also that it is the official content.
    """
    try:
        kind, path = resolve(dataset, location)
        if kind in ("cifar100", "cifar10"):
            from cifarkit.datasets import cifar_files

            return cifar_files.missing(kind, path)
    except InvalidInput as error:
        return str(error)
    return None


def fetch(dataset: str, location: str | None = None) -> None:
    """Put the data at hand, once, before trials start; does nothing if it is already.

    CIFAR is downloaded into Keras' cache and checked; the synthetic data set is generated into
    this package's cache. Takes what `facts` takes.

    Raises:
        InvalidInput: There is no such data set, or its files are not there and cannot be had.
    """
    kind, path = resolve(dataset, location)
    if kind == "synthetic":
        from cifarkit.datasets.synthetic import generator

        generator.load()
    elif kind in ("cifar100", "cifar10"):
        from cifarkit.datasets import download

        download.fetch(kind, path)


def resolve(dataset: str, location: str | None) -> tuple[str, Path | None]:
    """The kind of data set, and the absolute path of its files if they have one of their own.

    The kind is one of `DatasetInfo.dataset`. Takes what `facts` takes.

    Raises:
        InvalidInput: There is no such data set, or nothing at the path of a folder or an `.npz`.
    """
    if dataset == "synthetic":
        if location is not None:
            raise InvalidInput(
                f"--data-dir {location}: synthetic images are generated, not read; leave it out"
            )
        return dataset, None
    if dataset in BUILT_IN:
        return dataset, None if location is None else _absolute(location)
    if dataset in _ON_DISK:
        if location is None:
            raise InvalidInput(f"--dataset {dataset} needs a path: pass the path as --dataset")
        return _kind_of(_absolute(location), "--data-dir"), _absolute(location)
    path = _absolute(dataset)
    if not path.exists() and dataset == os.path.basename(dataset) and path.suffix != ".npz":
        raise InvalidInput(
            f"{unknown('dataset', dataset, BUILT_IN)}; --dataset also takes a path to a folder "
            "of class folders or to an .npz file"
        )
    if location is not None and _absolute(location) != path:
        raise InvalidInput(
            f"--data-dir {location}: --dataset {dataset} is a path already, leave --data-dir out"
        )
    return _kind_of(path, "--dataset"), path


def _absolute(path: str) -> Path:
    absolute = Path(os.path.abspath(os.path.expanduser(path)))
    try:
        absolute.exists()
        str(absolute).encode()  # a record could not hold it
    except UnicodeEncodeError:
        raise InvalidInput(f"{str(absolute)!a} is not UTF-8; rename the folder") from None
    except (OSError, ValueError) as error:  # too long, a folder that may not be looked into, NUL
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{reprlib.repr(path)} cannot be looked at: {reason}") from None
    return absolute


def _kind_of(path: Path, option: str) -> str:
    if path.is_dir():
        return "folder"
    if path.suffix == ".npz" and path.is_file():
        return "npz"
    if not path.exists():
        raise InvalidInput(f"{option}: there is nothing at {path}")
    raise InvalidInput(
        f"{option}: {path} is neither a folder of class folders nor an .npz file; "
        "CIFAR archives are read with --dataset cifar100 (or cifar10) --data-dir PATH"
    )

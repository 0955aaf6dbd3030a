"""Looks up data sources by name, with their facts and whether their files are present.

Cheap to import and to call: settings are checked against these facts. Readers, and NumPy with them,
are imported only when files have to be read.
"""

from __future__ import annotations

import os
import pkgutil
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.datasets import sources
from cifarkit.datasets.info import DatasetInfo, DataSource, path_of
from cifarkit.errors import InvalidInput, unknown
from cifarkit.plugins import Registry

if TYPE_CHECKING:
    from cifarkit.datasets.dataset import ImageDataset

_ON_DISK = ("folder", "npz")
"""Kinds that are recognized by what is at the path."""


def _source(name: str, loaded: object) -> DataSource:
    if not all(callable(getattr(loaded, m, None)) for m in ("info", "load", "missing", "fetch")):
        raise InvalidInput(f"it gave {loaded!r:.80}, not a DataSource")
    if (own := getattr(loaded, "name", None)) != name:
        raise InvalidInput(f"its entry point is {name!r}, its name is {own!r}")
    return loaded  # type: ignore[return-value]


SOURCES: Registry[DataSource] = Registry(
    "dataset",
    "cifarkit.datasets",
    {
        module.name.replace("_", "-"): f"{sources.__name__}.{module.name}:SOURCE"
        for module in pkgutil.iter_modules(sources.__path__)
    },
    _source,
)
"""The modules of `sources`; a package adds an instance of a `DataSource` under
`cifarkit.datasets`."""
NAMED = tuple(name for name in SOURCES.builtin if name not in _ON_DISK)
"""The built-in data sets that are no path."""


def facts(dataset: str, location: str | None = None) -> DatasetInfo:
    """The facts of a data set.

    Args:
        dataset: A name of `SOURCES`; or a path to a folder of class folders or to an `.npz`
            file; or `folder` or `npz`, with the path as `location`.
        location: `--data-dir`: for CIFAR the archive, its unpacked folder, or a directory that
            holds either; for Fashion-MNIST the folder of its files. Refused for the synthetic
            data set.

    Raises:
        InvalidInput: There is no such data set, its files are not there, or they are unusable.
    """
    return info(*resolve(dataset, location))


def info(kind: str, path: Path | None) -> DatasetInfo:
    """The facts of a data set as `resolve` gives it; raises what `facts` does."""
    found = SOURCES.get(kind).info(path)
    if kind not in SOURCES.builtin:
        package = f"the data source {kind!r} of {SOURCES.plugins()[kind]}"
        if not isinstance(found, DatasetInfo):
            raise InvalidInput(f"{package} gave {found!r:.80}, not a DatasetInfo")
        if found.dataset != kind:
            raise InvalidInput(f"{package} calls its data set {found.dataset!r}")
        if not found.fingerprint:  # without it, another content would have the same trial ids
            raise InvalidInput(f"{package} gives no fingerprint")
    return found


def package_of(dataset: str) -> str:
    """Name and version of the package that a data set is from; empty if it is built in."""
    return "" if dataset in SOURCES.builtin else SOURCES.plugins().get(dataset, "")


def title_of(dataset: str) -> str:
    """The name of a built-in data set in reports; empty for a user's images."""
    return SOURCES.get(dataset).title if dataset in NAMED else ""


def missing(dataset: str, location: str | None = None) -> str | None:
    """None if the files are there, otherwise a message: what is missing and what to do.

    Takes the arguments of `facts`; data that cannot be used counts as missing. Only the presence of
    files is checked, and without `location` that their content is the official one.
    """
    try:
        kind, path = resolve(dataset, location)
        return SOURCES.get(kind).missing(path)
    except InvalidInput as error:
        return str(error)


def fetch(dataset: str, location: str | None = None) -> None:
    """Download or generate the data before trials start; does nothing if it is there.

    Takes the arguments of `facts`.

    Raises:
        InvalidInput: There is no such data set, or its files are missing and cannot be downloaded.
    """
    kind, path = resolve(dataset, location)
    SOURCES.get(kind).fetch(path)


def resolve(dataset: str, location: str | None) -> tuple[str, Path | None]:
    """The kind of data set, and the absolute path of its files unless they have a fixed place.

    The kind is a value of `DatasetInfo.dataset`. Takes the arguments of `facts`.

    Raises:
        InvalidInput: There is no such data set, or nothing at the path of a folder or an `.npz`.
    """
    if dataset in _ON_DISK:
        path = path_of(None if location is None else _absolute(location), dataset)
        return _kind_of(path, "--data-dir"), path
    # With a separator or a suffix it is a path: do not load plug-ins to look for such a name.
    named = dataset == os.path.basename(dataset) and not os.path.splitext(dataset)[1]
    if named and dataset in SOURCES:
        return dataset, None if location is None else _absolute(location)
    path = _absolute(dataset)
    if not path.exists() and dataset == os.path.basename(dataset) and path.suffix != ".npz":
        raise InvalidInput(
            f"{unknown('dataset', dataset, set(SOURCES.names()) - set(_ON_DISK))}; --dataset also "
            "takes a path to a folder of class folders or to an .npz file; another package's data "
            "set needs that package installed"
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
    except (OSError, ValueError) as error:  # too long, no permission, a NUL character
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


def load(dataset: str, location: str | None = None, *, image_size: int) -> ImageDataset:
    """Read a data set into memory.

    Args:
        dataset: As for `facts`.
        location: As for `facts`.
        image_size: The longest side, in pixels, at which images of a folder or an `.npz` are
            kept; larger or uneven ones are resized to `image_size` x `image_size`. The built-in
            data sets stay at their native size.

    Raises:
        InvalidInput: The data is missing or unusable.
    """
    from cifarkit.datasets.dataset import ImageDataset

    kind, path = resolve(dataset, location)
    loaded = SOURCES.get(kind).load(path, image_size=image_size)
    if not isinstance(loaded, ImageDataset):
        raise InvalidInput(f"--dataset {kind}: its source gave {loaded!r:.80}, not an ImageDataset")
    return loaded

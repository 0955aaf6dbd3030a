"""Facts of a data set that are known before reading its images, and the data source protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cifarkit.errors import InvalidInput

if TYPE_CHECKING:
    from cifarkit.datasets.dataset import ImageDataset


@dataclass(frozen=True)
class DatasetInfo:
    """Facts of a data set.

    Attributes:
        dataset: A built-in data set's name, `folder`, `npz`, or a plug-in's name.
        title: Its name in documents. Data in CIFAR's format that is not CIFAR says so here.
        class_names: The names of the classes, in the order of their labels.
        class_groups: The superclass of each class; empty if there are none.
        train_per_class: Training images of the smallest class; None if that is not cheaply known.
        train_in_largest_class: The same of the largest class; None if all are equal or unknown.
        fingerprint: Identifies the content: `blake2b:` and 32 hexadecimal digits for folders and
            `.npz` (earlier versions: `sha256:`, of names and sizes only), `sha256:` and 16 digits
            for other data in the format of a built-in data set, any text for a plug-in's; None for
            the official content of a built-in data set.
        location: The absolute path of the files; None where the data set has its own place.
        has_validation: Whether the data comes with a validation part of its own.
        notes: Remarks for readers of the results, without a full stop.
        skipped: Images left out because they cannot be decoded, each with the reason.
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


class DataSource(Protocol):
    """Where a data set comes from. Subclasses implement `info` and `load`.

    `info` and `missing` are called by every command that plans trials, so they import neither
    TensorFlow nor Keras; `load` is called in each trial's process. `location` is `--data-dir` as an
    absolute path, or None. Every method may raise InvalidInput, whose message the user sees.

    Attributes:
        name: What `--dataset` and specs call it.
        title: The name of its official content in reports; empty where there is none.
    """

    name: str
    title: str = ""

    def info(self, location: Path | None) -> DatasetInfo:
        """The facts that specs are checked against. Equal content gives an equal result."""
        ...

    def load(self, location: Path | None, *, image_size: int) -> ImageDataset:
        """Read the images, with the classes and the fingerprint that `info` gave.

        Args:
            location: As for `info`.
            image_size: The side, in pixels, to which the network will resize the images: larger
                ones may be kept in that size.
        """
        ...

    def missing(self, location: Path | None) -> str | None:
        """None if the files are there, else what is missing and what to do. By default None."""
        return None

    def fetch(self, location: Path | None) -> None:
        """Download or generate what is missing, once, before trials start. By default nothing."""
        return


def path_of(location: Path | None, name: str) -> Path:
    """The path of a data set that needs one.

    Raises:
        InvalidInput: There is none.
    """
    if location is None:
        raise InvalidInput(f"--dataset {name} needs a path: pass the path as --dataset")
    return location

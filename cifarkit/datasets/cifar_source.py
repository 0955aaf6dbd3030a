"""CIFAR-100 and CIFAR-10 as data sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.datasets import builtin_classes, cifar_files
from cifarkit.datasets.info import DatasetInfo, DataSource

if TYPE_CHECKING:
    from cifarkit.datasets.dataset import ImageDataset


class Cifar(DataSource):
    """One of the two. `location` is an archive, its unpacked folder, or a folder with either."""

    def __init__(self, official: DatasetInfo) -> None:
        self.name = official.dataset
        self._official = official

    def info(self, location: Path | None) -> DatasetInfo:
        if location is None:
            return self._official
        from cifarkit.datasets import cifar

        return cifar.facts(self._official, location)

    def load(self, location: Path | None, *, image_size: int) -> ImageDataset:
        from cifarkit.datasets import cifar

        return cifar.load(self.name, location)

    def missing(self, location: Path | None) -> str | None:
        return cifar_files.missing(self.name, location)

    def fetch(self, location: Path | None) -> None:
        """Download it into Keras' cache, and check it."""
        from cifarkit.datasets import download

        download.fetch(self.name, location)


CIFAR100 = Cifar(
    DatasetInfo(
        dataset="cifar100",
        title="CIFAR-100",
        class_names=builtin_classes.CIFAR100_CLASSES,
        class_groups=builtin_classes.CIFAR100_CLASS_GROUPS,
        train_per_class=500,
        fingerprint=None,
        location=None,
    )
)
CIFAR10 = Cifar(
    DatasetInfo(
        dataset="cifar10",
        title="CIFAR-10",
        class_names=builtin_classes.CIFAR10_CLASSES,
        class_groups=(),
        train_per_class=5000,
        fingerprint=None,
        location=None,
    )
)

"""CIFAR-100 or CIFAR-10 as a data source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.datasets import cifar_files
from cifarkit.datasets.info import DatasetInfo, DataSource

if TYPE_CHECKING:
    from cifarkit.datasets.dataset import ImageDataset


class Cifar(DataSource):
    """One of the two. `location` is an archive, its unpacked folder, or a folder with either."""

    def __init__(self, official: DatasetInfo) -> None:
        self.name, self.title = official.dataset, official.title
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

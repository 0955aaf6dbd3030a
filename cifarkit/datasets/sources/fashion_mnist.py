"""Fashion-MNIST as a data source (Xiao, Rasul & Vollgraf 2017)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.datasets import idx_files
from cifarkit.datasets.info import DatasetInfo, DataSource

if TYPE_CHECKING:
    from cifarkit.datasets.dataset import ImageDataset

CLASSES: tuple[str, ...] = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

OFFICIAL = DatasetInfo(
    dataset="fashion-mnist",
    title="Fashion-MNIST",
    class_names=CLASSES,
    class_groups=(),
    train_per_class=6000,
    fingerprint=None,
    location=None,
)


class FashionMnist(DataSource):
    """Four idx files. `location` is the folder that holds them, packed by gzip or not."""

    name, title = OFFICIAL.dataset, OFFICIAL.title

    def info(self, location: Path | None) -> DatasetInfo:
        if location is None:
            return OFFICIAL
        from cifarkit.datasets import idx

        return idx.facts(OFFICIAL, location)

    def load(self, location: Path | None, *, image_size: int) -> ImageDataset:
        from cifarkit.datasets import idx

        return idx.load(OFFICIAL, location)

    def missing(self, location: Path | None) -> str | None:
        return idx_files.missing(location)

    def fetch(self, location: Path | None) -> None:
        """Download it into Keras' cache, and check it."""
        from cifarkit.datasets import download

        download.fetch_fashion_mnist(location)


SOURCE = FashionMnist()

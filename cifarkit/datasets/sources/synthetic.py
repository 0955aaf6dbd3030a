"""The synthetic data set as a data source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.datasets import builtin_classes
from cifarkit.datasets.info import DatasetInfo, DataSource
from cifarkit.errors import InvalidInput

if TYPE_CHECKING:
    from cifarkit.datasets.dataset import ImageDataset


class Synthetic(DataSource):
    """Generated into this package's cache."""

    name, title = "synthetic", "synthetic images"

    def info(self, location: Path | None) -> DatasetInfo:
        if location is not None:
            raise InvalidInput(
                f"--data-dir {location}: synthetic images are generated, not read; leave it out"
            )
        return DatasetInfo(
            dataset=self.name,
            title="synthetic",
            class_names=builtin_classes.SYNTHETIC_CLASSES,
            class_groups=builtin_classes.SYNTHETIC_CLASS_GROUPS,
            train_per_class=500,
            fingerprint=None,
            location=None,
        )

    def load(self, location: Path | None, *, image_size: int) -> ImageDataset:
        from cifarkit.datasets.synthetic import generator

        return generator.load()

    def fetch(self, location: Path | None) -> None:
        self.load(location, image_size=0)


SOURCE = Synthetic()

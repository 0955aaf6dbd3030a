"""What the network sees in each epoch: the training images, their augmented views, and a sample."""

from __future__ import annotations

import numpy as np

from cifarkit.datasets.augmentation import Augmented, Change, make_augment
from cifarkit.datasets.dataset import Images, Splits
from cifarkit.datasets.loader import Batches
from cifarkit.specs import TrainSpec
from cifarkit.training import precise_batchnorm
from cifarkit.training.feature_cache import Source


class EpochInputs:
    """The training images of a fit, epoch by epoch.

    Attributes:
        views: The training images in each of their views if the views are fewer than the epochs;
            else the unaugmented images alone.
        sample, sample_rows: Unaugmented images, and those of their rows from which the statistics
            of BatchNormalization are computed.
    """

    def __init__(self, splits: Splits, train: TrainSpec) -> None:
        self._images, self._labels = splits.train_images, splits.train_labels
        self._train = train
        self._amounts = train.augmentation.amounts() if train.augmentation else {}
        self._augment = make_augment(**self._amounts) if train.augmentation else None
        self.views = self._views()
        self.sample, self.sample_rows = self._sample()

    @property
    def augmented(self) -> bool:
        return self._augment is not None

    def batches(self, epoch: int, source: Source) -> Batches:
        """The batches of an epoch, from 1; of cached features if the source has them."""
        view = self.views[(epoch - 1) % len(self.views)]
        return Batches(
            source.of(view) if source.stored else self._images,
            self._labels,
            batch_size=self._train.batch_size,
            seed=self._train.seed,
            epoch=epoch,
            change=None if source.stored else self._change(epoch),
        )

    def _views(self) -> list[Images | Augmented]:
        train = self._train
        views = train.augmentation.augment_views if train.augmentation else None
        if views is None or views >= train.head_epochs + train.epochs:
            return [self._images]
        return [
            Augmented(self._images, change, self._amounts)
            for view in range(1, views + 1)
            if (change := self._change(view))
        ]

    def _sample(self) -> tuple[Images, np.ndarray]:
        rows = precise_batchnorm.sample(len(self._images))
        if self.views[0] is self._images:
            return self._images, rows
        # The frozen layers only run on augmented views; also run them on these few images.
        return self._images[rows], np.arange(len(rows))

    def _change(self, epoch: int) -> Change | None:
        """The augmentation of the training images in an epoch."""
        if self._augment is None or self._train.augmentation is None:
            return None
        views = self._train.augmentation.augment_views
        view = epoch if views is None else (epoch - 1) % views + 1
        return Change.of_view(self._augment, self._train.seed, view, len(self._labels))

"""What the network sees in each epoch: the training images, their augmented views, and a sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from cifarkit.datasets import augmentation, views
from cifarkit.datasets.dataset import Images, Splits
from cifarkit.datasets.erasing import Erasing
from cifarkit.datasets.loader import Batches
from cifarkit.datasets.mixing import Mixing, SoftLabels
from cifarkit.datasets.trivial_augment import TrivialAugment
from cifarkit.datasets.views import View
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
        augmented: Whether the network sees float32 instead of uint8.
        soft_labels: Whether labels are (b, outputs) float32 instead of (b,) int32.
    """

    def __init__(self, splits: Splits, train: TrainSpec, outputs: int) -> None:
        """
        Args:
            outputs: The width of a soft label.
        """
        self._images, self._labels = splits.train_images, splits.train_labels
        self._train, self._outputs = train, outputs
        amounts = train.augmentation.amounts() if train.augmentation else {}
        self._augment = augmentation.make_augment(**amounts) if train.augmentation else None
        self._settings = amounts | train.image_changes
        self.augmented = train.augmentation is not None
        self.soft_labels = bool(train.mixup or train.cutmix)
        all_epochs = train.head_epochs + train.epochs
        self._few = train.views if train.views and train.views < all_epochs else None
        self.views: list[Images | View] = [self._images]
        if self._few:
            self.views = [self._view(number) for number in range(1, self._few + 1)]
        self.sample, self.sample_rows = self._sample()

    def batches(self, epoch: int, source: Source) -> Batches:
        """The batches of an epoch, from 1; of cached features if the source has them."""
        view = self.views[(epoch - 1) % self._few] if self._few else self._view(epoch)
        labels: Any = self._labels
        if isinstance(view, View) and view.mixing is not None:
            labels = SoftLabels(labels, view.mixing, self._outputs)
        return Batches(
            source.of(view) if source.stored else view,
            labels,
            batch_size=self._train.batch_size,
            seed=self._train.seed,
            epoch=epoch,
        )

    def _sample(self) -> tuple[Images, np.ndarray]:
        rows = precise_batchnorm.sample(len(self._images))
        if self.views[0] is self._images:
            return self._images, rows
        # The frozen layers only run on augmented views; also run them on these few images.
        return self._images[rows], np.arange(len(rows))

    def _view(self, number: int) -> Images | View:
        """The training images in a view, from 1."""
        if not self._settings:
            return self._images
        seed, (count, height, width, _) = self._train.seed, self._images.shape
        changes: list[views.Change] = []
        if self._train.trivialaugment:
            changes.append(TrivialAugment.of_view(seed, number, count))
        if self._augment is not None:
            changes.append(augmentation.Change.of_view(self._augment, seed, number, count))
        if chance := self._train.random_erasing:
            size = (height, width)
            changes.append(Erasing.of_view(seed, number, count, size, chance=chance))
        mixing = None
        if self.soft_labels:
            mixing = Mixing.of_view(
                seed,
                number,
                count,
                (height, width),
                mixup=self._train.mixup,
                cutmix=self._train.cutmix,
            )
        return View(
            self._images,
            changes,
            mixing,
            dtype="float32" if self.augmented else "uint8",
            settings=self._settings,
        )

"""CIFAR-10 (Krizhevsky 2009)."""

from __future__ import annotations

from cifarkit.datasets import builtin_classes
from cifarkit.datasets.cifar_source import Cifar
from cifarkit.datasets.info import DatasetInfo

SOURCE = Cifar(
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

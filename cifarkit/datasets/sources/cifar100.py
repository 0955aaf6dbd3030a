"""CIFAR-100 (Krizhevsky 2009)."""

from __future__ import annotations

from cifarkit.datasets import builtin_classes
from cifarkit.datasets.cifar_source import Cifar
from cifarkit.datasets.info import DatasetInfo

SOURCE = Cifar(
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

"""Labelled images in memory: selection of classes, and splits."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cifarkit.datasets.subset import Subset
from cifarkit.errors import InvalidInput, unknown

Images = npt.NDArray[np.uint8] | Subset
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Training and test images with their labels.

    Attributes:
        name: The data set's name in messages.
        train_images: `(n, height, width, 3)` uint8, RGB in 0..255; may be a read-only memory map
            or a view.
        train_labels: `(n,)` int32 in 0..classes-1.
        test_images: `(m, height, width, 3)` uint8, of the same height and width.
        test_labels: `(m,)` int32 in 0..classes-1.
        class_names: The name of each label, all different.
        class_groups: The superclass of each label; empty if there are none.
        validation_images, validation_labels: The same for the validation part; None if the data has
            none, so that a share of the training images is held out.
        fingerprint: Identifies the content (see `info.DatasetInfo`).
        notes: Remarks for readers of the results, without a full stop.
        test_files: The path of each test image, relative to the data; empty if they are no files.

    Raises:
        InvalidInput: A shape, a dtype or a label does not match this description.
    """

    name: str
    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels
    class_names: tuple[str, ...]
    class_groups: tuple[str, ...] = ()
    validation_images: Images | None = None
    validation_labels: Labels | None = None
    fingerprint: str | None = None
    notes: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_part("training", self.train_images, self.train_labels)
        self._check_part("test", self.test_images, self.test_labels)
        if self.validation_images is not None and self.validation_labels is not None:
            self._check_part("validation", self.validation_images, self.validation_labels)
        if len(set(self.class_names)) != len(self.class_names):
            raise InvalidInput(f"{self.name}: two classes have the same name")
        if self.class_groups and len(self.class_groups) != len(self.class_names):
            raise InvalidInput(
                f"{self.name}: {len(self.class_groups)} groups for {len(self.class_names)} "
                "classes; one for each class, or none"
            )

    def _check_part(self, part: str, images: Images, labels: Labels) -> None:
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
            raise InvalidInput(
                f"{self.name}: {part} images must be (n, height, width, 3) uint8, "
                f"received {images.shape} {images.dtype}"
            )
        if labels.shape != (len(images),) or labels.dtype != np.int32:
            raise InvalidInput(
                f"{self.name}: {part} labels must be ({len(images)},) int32, "
                f"received {labels.shape} {labels.dtype}"
            )
        if not len(labels):
            raise InvalidInput(f"{self.name}: there are no {part} images")
        if images.shape[1:] != self.train_images.shape[1:]:
            raise InvalidInput(
                f"{self.name}: training images are {self.train_images.shape[1:]}, {part} images "
                f"{images.shape[1:]}; all must have one size"
            )
        if labels.min() < 0 or labels.max() >= len(self.class_names):
            raise InvalidInput(
                f"{self.name}: {part} labels must be in 0..{len(self.class_names) - 1}, "
                f"received {labels.min()}..{labels.max()}"
            )


@dataclass(frozen=True, eq=False)
class Splits:
    """Disjoint training, validation and test parts of a data set.

    Images are `(n, height, width, 3)` uint8, labels `(n,)` int32 in 0..classes-1; names, groups
    and notes are as in `ImageDataset`. `own_validation` says that the data came with the validation
    part, which is otherwise drawn from the training images.
    """

    train_images: Images
    train_labels: Labels
    validation_images: Images
    validation_labels: Labels
    test_images: Images
    test_labels: Labels
    class_names: tuple[str, ...]
    class_groups: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    own_validation: bool = False


def select_classes(
    dataset: ImageDataset,
    classes: int,
    class_seed: int | None = None,
    class_names: Sequence[str] | None = None,
) -> ImageDataset:
    """The images of some classes, with labels 0..classes-1.

    Args:
        dataset: The data set to select from.
        classes: The number of classes.
        class_seed: Draws the classes at random, the same on every machine, and keeps them in
            label order. None takes the first by label.
        class_names: The classes by name instead, in the order of their new labels.

    Raises:
        InvalidInput: There are too few classes, or none of that name.
    """
    chosen = _chosen_classes(dataset, classes, class_seed, class_names)
    if chosen == list(range(len(dataset.class_names))):
        return dataset
    new_label = np.full(len(dataset.class_names), -1, np.int32)
    new_label[chosen] = np.arange(len(chosen), dtype=np.int32)

    def part(images: Images, labels: Labels) -> tuple[Images, Labels]:
        kept = np.flatnonzero(new_label[labels] >= 0)
        return Subset(images, kept), new_label[labels[kept]]

    train_images, train_labels = part(dataset.train_images, dataset.train_labels)
    test_images, test_labels = part(dataset.test_images, dataset.test_labels)
    if dataset.validation_images is not None and dataset.validation_labels is not None:
        images, labels = part(dataset.validation_images, dataset.validation_labels)
        dataset = replace(dataset, validation_images=images, validation_labels=labels)
    files = dataset.test_files
    if files:
        files = tuple(files[i] for i in np.flatnonzero(new_label[dataset.test_labels] >= 0))
    return replace(
        dataset,
        test_files=files,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        class_names=tuple(dataset.class_names[label] for label in chosen),
        class_groups=tuple(dataset.class_groups[label] for label in chosen)
        if dataset.class_groups
        else (),
    )


def _chosen_classes(
    dataset: ImageDataset,
    classes: int,
    class_seed: int | None,
    class_names: Sequence[str] | None,
) -> list[int]:
    known = dataset.class_names
    if class_names is not None:
        if len(class_names) != classes or len(set(class_names)) != classes:
            raise InvalidInput(
                f"--class-names: {classes} different classes are needed, "
                f"received {', '.join(class_names)}"
            )
        for name in class_names:
            if name not in known:
                raise unknown(f"class of {dataset.name}", name, known)
        return [known.index(name) for name in class_names]
    if not 1 <= classes <= len(known):
        raise InvalidInput(f"--classes: {dataset.name} has {len(known)}, received {classes}")
    if class_seed is None:
        return list(range(classes))
    return sorted(shuffled(len(known), class_seed)[:classes].tolist())


def split(
    dataset: ImageDataset,
    *,
    train_per_class: int | None,
    train_at_most: int | None = None,
    validation_fraction: float,
    data_seed: int,
) -> Splits:
    """Hold out a stratified validation part of the training images; the test part is untouched.

    Nothing is held out if the data set comes with a validation part.

    Each class is shuffled by the seed and its own name, so its split does not depend on the other
    classes: a network trained on some classes has not seen the validation images of a later study
    of others. The parts of a smaller `train_per_class` are subsets of those of a larger one.

    Args:
        dataset: The data set to split.
        train_per_class: Training images of each class, validation included; None takes all.
        train_at_most: Likewise, but classes with fewer images keep all of them.
        validation_fraction: The share of each class, between 0 and 1; rounded to whole images, at
            least one and at most all but one.
        data_seed: The seed of the shuffle, with the same result on every machine.

    Raises:
        InvalidInput: A class has fewer images than `train_per_class`, or fewer than two.
    """
    own_part = dataset.validation_images is not None
    train: list[npt.NDArray[np.intp]] = []
    validation: list[npt.NDArray[np.intp]] = []
    for label, name in enumerate(dataset.class_names):
        members = np.flatnonzero(dataset.train_labels == label)
        size = min(len(members), train_at_most or len(members))
        size = train_per_class or size
        if size > len(members):
            raise InvalidInput(
                f"--train-per-class: {dataset.name} has {len(members)} training images of class "
                f"{name!r}, received {size}"
            )
        if size < 2 and not own_part:
            raise InvalidInput(
                f"{dataset.name}: class {name!r} has {size} training images; one to train on "
                "and one to validate on are needed"
            )
        order = members[shuffled(len(members), data_seed, zlib.crc32(name.encode()))[:size]]
        if own_part:
            train.append(order)
            continue
        held_out = _held_out(size, validation_fraction)
        train.append(order[~held_out])
        validation.append(order[held_out])
    train_rows = np.sort(np.concatenate(train))
    if dataset.validation_images is not None and dataset.validation_labels is not None:
        validation_images = dataset.validation_images
        validation_labels = dataset.validation_labels
    else:
        validation_rows = np.sort(np.concatenate(validation))
        validation_images = Subset(dataset.train_images, validation_rows)
        validation_labels = dataset.train_labels[validation_rows]
    return Splits(
        train_images=Subset(dataset.train_images, train_rows),
        train_labels=dataset.train_labels[train_rows],
        validation_images=validation_images,
        validation_labels=validation_labels,
        test_images=dataset.test_images,
        test_labels=dataset.test_labels,
        class_names=dataset.class_names,
        class_groups=dataset.class_groups,
        notes=dataset.notes,
        own_validation=own_part,
    )


def shuffled(size: int, *seeds: int) -> npt.NDArray[np.intp]:
    """0..size-1 in an order that depends only on the seeds.

    NumPy guarantees that the raw output of a bit generator never changes, but not that of derived
    methods such as `permutation`.
    """
    return np.argsort(np.random.PCG64(list(seeds)).random_raw(size), kind="stable")


def _held_out(size: int, fraction: float) -> npt.NDArray[np.bool_]:
    """The validation positions of a shuffled class, spread evenly so that prefixes nest."""
    places = np.arange(size + 1)
    count = np.minimum(np.maximum(np.floor(places * fraction + 0.5), 1), places - 1)
    held_out: npt.NDArray[np.bool_] = np.diff(np.maximum(count, 0)) > 0
    return held_out

"""Accuracy by superclass, and the share of errors within the superclass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.confusion import Confusion


@dataclass(frozen=True)
class SuperclassScore:
    """One group of classes.

    Attributes:
        classes: How many classes it has.
        images: The images of those classes.
        class_accuracy: The share of them predicted as their own class, 0..1; None without images.
        group_accuracy: The share predicted as any class of the group; None without images.
    """

    name: str
    classes: int
    images: int
    class_accuracy: float | None
    group_accuracy: float | None


@dataclass(frozen=True)
class Superclasses:
    """The groups' accuracies, and where the errors went.

    Attributes:
        scores: In the order in which the groups first occur among the classes.
        errors: Images predicted wrong, those predicted as no class included.
        errors_inside: Those of them predicted as another class of the same group.
        share_inside: `errors_inside / errors`, 0..1; None without errors.
        chance_inside: What that share would be if each of these errors had fallen on any other
            class with equal probability: the mean of (g - 1) / (classes - 1) over the errors, g
            being the number of classes in the image's group. None without errors.
    """

    scores: tuple[SuperclassScore, ...]
    errors: int
    errors_inside: int
    share_inside: float | None
    chance_inside: float | None


def superclasses(found: Confusion, class_groups: Sequence[str]) -> Superclasses:
    """Score the groups of classes.

    Args:
        found: The confusions of the classes.
        class_groups: The group of each class, by label.

    Raises:
        InvalidInput: There is not one group for each class.
    """
    if len(class_groups) != found.classes:
        raise InvalidInput(f"{len(class_groups)} class groups for {found.classes} classes")
    names = list(dict.fromkeys(class_groups))
    group = np.array([names.index(name) for name in class_groups], dtype=np.int64)
    same_group = group[:, None] == group[None, :]
    in_group = np.where(same_group, found.counts, 0).sum(axis=1)
    errors = found.images - found.correct
    inside = in_group - found.correct

    def total(per_class: np.ndarray) -> list[int]:
        return [int(per_class[group == g].sum()) for g in range(len(names))]

    rows = zip(
        names,
        np.bincount(group).tolist(),
        total(found.images),
        total(found.correct),
        total(in_group),
        strict=True,
    )
    scores = tuple(
        SuperclassScore(
            name,
            classes,
            images,
            class_accuracy=correct / images if images else None,
            group_accuracy=near / images if images else None,
        )
        for name, classes, images, correct, near in rows
    )
    all_errors, all_inside = int(errors.sum()), int(inside.sum())
    if all_errors == 0:
        return Superclasses(scores, 0, 0, None, None)
    neighbours = same_group.sum(axis=1) - 1
    chance = float((errors * neighbours).sum() / all_errors / max(found.classes - 1, 1))
    return Superclasses(scores, all_errors, all_inside, all_inside / all_errors, chance)

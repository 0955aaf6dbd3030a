"""Labels of an `.npz` file: integers, strings, or one-hot rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.datasets.dataset import Labels
from cifarkit.datasets.npz_archive import CLASS_NAMES, NpzArchive
from cifarkit.errors import InvalidInput


def read_labels(
    archive: NpzArchive, names: Mapping[str, str]
) -> tuple[dict[str, Labels], tuple[str, ...]]:
    """Labels of each part as 0..classes-1, and the classes' names.

    Args:
        archive: The file.
        names: The array of each part, by its role; `train` among them.

    Raises:
        InvalidInput: An array holds no labels, or labels that do not occur in training.
    """
    raw = {role: _plain(archive, name) for role, name in names.items()}
    if len({values.dtype.kind for values in raw.values()}) > 1:
        raise archive.refused(
            f"{' and '.join(names.values())} must be labels of one kind, all texts or all integers"
        )
    given = _texts(archive, CLASS_NAMES) if CLASS_NAMES in archive else None
    present = np.unique(raw["train"])
    if len(present) < 2:
        raise archive.refused(f"{names['train']} has {len(present)} class, 2 are needed")
    for role, values in raw.items():
        if len(odd := np.setdiff1d(values, present)):
            raise archive.refused(f"{names[role]} has class {odd[0]}, which {names['train']} lacks")
    labels = {role: np.searchsorted(present, v).astype(np.int32) for role, v in raw.items()}
    if present.dtype.kind != "U":
        return labels, _named(archive, present, given)
    if given is None:
        return labels, tuple(present.tolist())
    if missing := set(present.tolist()) - set(given):
        raise archive.refused(
            f"{CLASS_NAMES} lacks {min(missing)!r}, which is a label in {names['train']}"
        )
    # Classes are in the order of their given names.
    class_names = tuple(name for name in given if name in set(present.tolist()))
    rank = np.array([class_names.index(name) for name in present.tolist()], np.int32)
    return {role: rank[values] for role, values in labels.items()}, class_names


def _plain(archive: NpzArchive, name: str) -> npt.NDArray[Any]:
    """`(n,)` int64 or text."""
    values = archive.array(name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1 and len(values) and values.dtype.kind in "US":
        return np.array(_texts(archive, name, values))
    if values.ndim == 1 and len(values) and values.dtype.kind in "iu":
        return values.astype(np.int64)
    if values.ndim == 2 and values.dtype.kind in "iufb" and _is_one_hot(values):
        return np.asarray(values.argmax(axis=1), np.int64)
    raise archive.refused(
        f"{name} must be integers or texts of shape (n,) or (n, 1), or "
        f"one-hot rows (n, classes), received {values.shape} {values.dtype}"
    )


def _is_one_hot(values: npt.NDArray[Any]) -> bool:
    """Whether every row holds a single 1 and zeros."""
    ones = values == 1
    return bool(len(values) and (ones | (values == 0)).all() and (ones.sum(axis=1) == 1).all())


def _texts(
    archive: NpzArchive, name: str, values: npt.NDArray[Any] | None = None
) -> tuple[str, ...]:
    values = archive.array(name) if values is None else values
    if values.ndim != 1 or values.dtype.kind not in "US":
        raise archive.refused(
            f"{name} must be a list of texts, received {values.shape} {values.dtype}"
        )
    return tuple(
        text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        for text in values.tolist()
    )


def _named(
    archive: NpzArchive, present: npt.NDArray[np.int64], given: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Names of classes whose labels are numbers."""
    if given is None:
        return tuple(str(label) for label in present.tolist())
    if len(given) == len(present):
        return given
    if present[0] >= 0 and present[-1] < len(given):
        return tuple(given[label] for label in present.tolist())
    raise InvalidInput(
        f"--dataset: {archive.path} has {len(given)} class_names for {len(present)} classes "
        f"({present[0]}..{present[-1]})"
    )

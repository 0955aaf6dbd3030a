"""Reads CIFAR-10 and CIFAR-100 in their published formats, packed or unpacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.datasets import builtin_classes, cifar_archive, cifar_files
from cifarkit.datasets.cifar_files import FORMATS, Format
from cifarkit.datasets.dataset import ImageDataset
from cifarkit.datasets.info import DatasetInfo
from cifarkit.datasets.restricted_pickle import as_text, load_dict
from cifarkit.digests import digest
from cifarkit.errors import InvalidInput

_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE
_CLASSES = {
    "cifar100": builtin_classes.CIFAR100_CLASSES,
    "cifar10": builtin_classes.CIFAR10_CLASSES,
}
_GROUPS = {"cifar100": builtin_classes.CIFAR100_GROUPS, "cifar10": ()}


def facts(official: DatasetInfo, path: Path) -> DatasetInfo:
    """The facts of the data at a path; the official ones if it is the official data.

    Other data in the same format is read for its classes and fingerprint.

    Raises:
        InvalidInput: There is no usable archive or folder of the data set.
    """
    found = _locate(official.dataset, path)
    if cifar_files.is_official(official.dataset, found):
        return replace(official, location=str(path))
    return replace(_facts_of_others(official, found), location=str(path))


def load(dataset: str, location: Path | None) -> ImageDataset:
    """Read `cifar100` or `cifar10`; images are `(n, 32, 32, 3)` uint8.

    Args:
        dataset: Which of the two.
        location: As for `registry.facts`; None reads the official data in Keras' cache.

    Raises:
        InvalidInput: The files are missing, damaged, or not in the format.
    """
    found = _locate(dataset, location)
    data = _read(dataset, found)
    if cifar_files.is_official(dataset, found):
        return data
    return replace(data, fingerprint=_fingerprint(data))


def _locate(dataset: str, location: Path | None) -> Path:
    found = cifar_files.locate(dataset, location)
    if found is None:
        raise InvalidInput(str(cifar_files.missing(dataset, location)))
    return found


def _facts_of_others(official: DatasetInfo, found: Path) -> DatasetInfo:
    data = _read(official.dataset, found)
    counts = np.bincount(data.train_labels, minlength=len(data.class_names))
    return replace(
        official,
        title=f"{found.name} (in the format of {official.title}, not its data)",
        class_names=data.class_names,
        class_groups=data.class_groups,
        train_per_class=int(counts.min()),
        train_in_largest_class=int(counts.max()),
        fingerprint=_fingerprint(data),
    )


def _fingerprint(data: ImageDataset) -> str:
    """Hash of the decoded content, independent of the archive format."""
    content: list[bytes | memoryview] = [
        *(images[:].data for images in (data.train_images, data.test_images)),
        *(labels.astype("<i4").data for labels in (data.train_labels, data.test_labels)),
        repr((data.class_names, data.class_groups)).encode(),
    ]
    return f"sha256:{digest(content)[:16]}"


@dataclass(frozen=True)
class _Part:
    """The images of one file with their labels; `coarse` is None where there are none."""

    images: npt.NDArray[np.uint8]
    fine: npt.NDArray[np.int32]
    coarse: npt.NDArray[np.int32] | None


def _read(dataset: str, found: Path) -> ImageDataset:
    form, files = cifar_archive.read(found, FORMATS[dataset])
    decode: Callable[[Format, bytes, str], _Part] = (
        _decode_binary if form.binary else _decode_pickle
    )
    train = [decode(form, files[name], f"{found}: {name}") for name in form.train]
    test = [decode(form, files[name], f"{found}: {name}") for name in form.test]
    official = cifar_files.is_official(dataset, found)
    if official:
        class_names, group_names = _CLASSES[dataset], _GROUPS[dataset]
    else:
        class_names, group_names = _names(dataset, form, files, found)
    return ImageDataset(
        name=cifar_files.TITLES[dataset] if official else str(found),
        train_images=_joined([part.images for part in train]),
        train_labels=_joined([part.fine for part in train]),
        test_images=_joined([part.images for part in test]),
        test_labels=_joined([part.fine for part in test]),
        class_names=class_names,
        class_groups=_class_groups([*train, *test], len(class_names), group_names),
    )


def _joined(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _decode_pickle(form: Format, data: bytes, source: str) -> _Part:
    batch = load_dict(data, source)
    pixels = batch.get("data")
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.dtype != np.uint8
        or pixels.ndim != 2
        or pixels.shape[1] != _PIXELS
    ):
        received = getattr(pixels, "shape", type(pixels).__name__)
        raise InvalidInput(f"{source}: 'data' must be (n, {_PIXELS}) uint8, received {received}")
    fine = _integers(batch, "fine_labels" if form.coarse else "labels", len(pixels), source)
    coarse = None
    if "coarse_labels" in batch:
        coarse = _integers(batch, "coarse_labels", len(pixels), source)
    return _Part(_channels_last(pixels), fine, coarse)


def _integers(batch: dict[str, Any], key: str, count: int, source: str) -> npt.NDArray[np.int32]:
    values = batch.get(key)
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(type(value) is int and 0 <= value < 2**31 for value in values)
    ):
        raise InvalidInput(f"{source}: {key!r} must be {count} integers, one for each image")
    return np.array(values, np.int32)


def _decode_binary(form: Format, data: bytes, source: str) -> _Part:
    label_bytes = 2 if form.coarse else 1
    if len(data) % (label_bytes + _PIXELS):
        raise InvalidInput(
            f"{source} has {len(data)} bytes, not a multiple of a record's {label_bytes + _PIXELS}"
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, label_bytes + _PIXELS)
    return _Part(
        images=_channels_last(records[:, label_bytes:]),
        fine=records[:, label_bytes - 1].astype(np.int32),
        coarse=records[:, 0].astype(np.int32) if form.coarse else None,
    )


def _channels_last(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Interleave CIFAR's red, green and blue planes."""
    return np.ascontiguousarray(rows.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1))


def _names(
    dataset: str, form: Format, files: dict[str, bytes], found: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of classes and superclasses; CIFAR's own if the archive has none."""
    if form.meta[0] not in files:
        return _CLASSES[dataset], _GROUPS[dataset]
    if form.binary:
        lists = [files.get(name, b"").decode("utf-8", "replace").split() for name in form.meta]
        return tuple(lists[0]), tuple(lists[1]) if form.coarse else ()
    source = f"{found}: {form.meta[0]}"
    meta = load_dict(files[form.meta[0]], source)
    names = meta.get("fine_label_names" if form.coarse else "label_names")
    if not isinstance(names, list) or not names:
        raise InvalidInput(f"{source} has no list of class names; {sorted(meta)} were found")
    groups = meta.get("coarse_label_names", []) if form.coarse else []
    if not isinstance(groups, list):
        raise InvalidInput(f"{source}: the superclasses' names are no list")
    return tuple(as_text(n, source) for n in names), tuple(as_text(n, source) for n in groups)


def _class_groups(
    parts: Sequence[_Part], classes: int, group_names: Sequence[str]
) -> tuple[str, ...]:
    """Each class's superclass, from the images' two labels; () unless it is unique."""
    groups_of: list[set[int]] = [set() for _ in range(classes)]
    for part in parts:
        if part.coarse is None:
            return ()
        for fine, coarse in np.unique(np.stack([part.fine, part.coarse]), axis=1).T.tolist():
            if 0 <= fine < classes:
                groups_of[fine].add(coarse)
    only = [next(iter(groups)) for groups in groups_of if len(groups) == 1]
    if len(only) < classes or not all(0 <= group < len(group_names) for group in only):
        return ()
    return tuple(group_names[group] for group in only)

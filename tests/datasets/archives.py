"""Makes small archives in CIFAR's own formats, byte for byte as the real ones are built."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cifarkit.datasets import builtin_classes

SIDE = 32


class _Python2Pickler(pickle._Pickler):
    """Writes protocol 2 as Python 2 and the NumPy of that time did: text and bytes are one."""

    dispatch = pickle._Pickler.dispatch.copy()

    def _save_string(self, value: bytes | str) -> None:
        data = value.encode("ascii") if isinstance(value, str) else value
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(value)

    dispatch[bytes] = _save_string
    dispatch[str] = _save_string


def python2_pickle(value: object) -> bytes:
    stream = io.BytesIO()
    _Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def images_of(classes: np.ndarray, seed: int) -> np.ndarray:
    """(n, 32, 32, 3) uint8: a colour and stripes that go with the class, and noise."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    colour = np.stack([classes * 37 % 101, classes * 53 % 103, classes * 71 % 107], -1) / 107
    angle, pace = classes * 2.399, 0.3 + classes % 5 * 0.25
    stripes = np.sin(
        (np.cos(angle) * pace)[:, None, None] * x + (np.sin(angle) * pace)[:, None, None] * y
    )
    clean = 40 + 150 * colour[:, None, None, :] + 30 * stripes[..., None]
    return np.clip(clean + random.normal(0, 12, clean.shape), 0, 255).astype(np.uint8)


def _part(classes: int, per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(classes), per_class))
    return images_of(order, seed), order


def planes(images: np.ndarray) -> np.ndarray:
    """(n, 3072): all red values of an image, then the green, then the blue."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def make_cifar100(
    directory: Path,
    *,
    train_per_class: int = 10,
    test_per_class: int = 2,
    packed: bool = True,
    binary: bool = False,
    seed: int = 0,
    class_names: Sequence[str] = builtin_classes.CIFAR100_CLASSES,
) -> Path:
    """CIFAR-100's files with other images; returns the archive, or the folder if not `packed`."""
    coarse_of = np.array(
        [builtin_classes.CIFAR100_GROUPS.index(g) for g in builtin_classes.CIFAR100_CLASS_GROUPS]
    )
    parts = {
        "train": _part(100, train_per_class, seed),
        "test": _part(100, test_per_class, seed + 1),
    }
    files: dict[str, bytes] = {}
    if binary:
        for name, (images, fine) in parts.items():
            records = [coarse_of[fine][:, None], fine[:, None], planes(images)]
            files[f"{name}.bin"] = np.hstack(records).astype(np.uint8).tobytes()
        files["fine_label_names.txt"] = _lines(class_names)
        files["coarse_label_names.txt"] = _lines(builtin_classes.CIFAR100_GROUPS)
        return _write(directory, "cifar-100-binary", "cifar-100-binary.tar.gz", files, packed)
    for name, (images, fine) in parts.items():
        batch = {
            b"filenames": _filenames(fine, class_names),
            b"batch_label": {"train": b"training batch 1 of 1", "test": b"testing batch 1 of 1"}[
                name
            ],
            b"fine_labels": fine.tolist(),
            b"coarse_labels": coarse_of[fine].tolist(),
            b"data": planes(images),
        }
        files[name] = python2_pickle(batch)
    meta = {
        b"fine_label_names": [name.encode() for name in class_names],
        b"coarse_label_names": [name.encode() for name in builtin_classes.CIFAR100_GROUPS],
    }
    files["meta"] = python2_pickle(meta)
    return _write(directory, "cifar-100-python", "cifar-100-python.tar.gz", files, packed)


def make_cifar10(
    directory: Path,
    *,
    train_per_class: int = 10,
    test_per_class: int = 2,
    packed: bool = True,
    binary: bool = False,
    seed: int = 0,
) -> Path:
    """CIFAR-10's files with other images; returns the archive, or the folder if not `packed`."""
    images, fine = _part(10, train_per_class, seed)
    parts = {
        f"data_batch_{number}": (images[rows], fine[rows])
        for number, rows in enumerate(np.array_split(np.arange(len(fine)), 5), start=1)
    }
    parts["test_batch"] = _part(10, test_per_class, seed + 1)
    files: dict[str, bytes] = {}
    if binary:
        for name, (images, fine) in parts.items():
            records = np.hstack([fine[:, None], planes(images)])
            files[f"{name}.bin"] = records.astype(np.uint8).tobytes()
        files["batches.meta.txt"] = _lines(builtin_classes.CIFAR10_CLASSES)
        return _write(directory, "cifar-10-batches-bin", "cifar-10-binary.tar.gz", files, packed)
    for name, (images, fine) in parts.items():
        batch = {
            b"batch_label": name.replace("_", " ").encode(),
            b"labels": fine.tolist(),
            b"data": planes(images),
            b"filenames": _filenames(fine, builtin_classes.CIFAR10_CLASSES),
        }
        files[name] = python2_pickle(batch)
    meta = {
        b"num_cases_per_batch": len(parts["data_batch_1"][1]),
        b"label_names": [name.encode() for name in builtin_classes.CIFAR10_CLASSES],
        b"num_vis": 3072,
    }
    files["batches.meta"] = python2_pickle(meta)
    return _write(directory, "cifar-10-batches-py", "cifar-10-python.tar.gz", files, packed)


def _filenames(fine: np.ndarray, names: Sequence[str]) -> list[bytes]:
    return [f"{names[label]}_s_{row:06d}.png".encode() for row, label in enumerate(fine)]


def _lines(names: Sequence[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _write(
    directory: Path, folder: str, archive: str, files: dict[str, bytes], packed: bool
) -> Path:
    if packed:
        return pack(directory / archive, {f"{folder}/{name}": data for name, data in files.items()})
    (directory / folder).mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (directory / folder / name).write_bytes(data)
    return directory / folder


def pack(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    """A `.tar.gz` of regular files, or of members that are given as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


class Bomb:
    """Pickles to a program that creates a file when it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.trace), "w"))

"""Finds the training, validation and test parts of an image folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cifarkit.errors import InvalidInput

_ROLES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".tif", ".tiff")


@dataclass(frozen=True)
class Layout:
    """The parts of an image folder; each holds class folders.

    Attributes:
        train: The root itself if there are no parts.
        validation, test: None if there is no such part.
        notes: What was ignored, as sentences without a full stop.
    """

    train: Path
    validation: Path | None = None
    test: Path | None = None
    notes: tuple[str, ...] = ()


def find_parts(root: Path) -> Layout:
    """Recognise `train`/`training`, `val`/`valid`/`validation`, and `test`/`testing`, in any case.

    A part holds class folders. A folder of such a name that holds images itself, among folders of
    other names, is a class (a train among vehicles).

    Raises:
        InvalidInput: The folders can be read in more than one way.
        OSError: A folder cannot be read.
    """
    folders = subfolders(root)
    named = [folder for folder in folders if folder.name.lower() in _ROLES]
    others = [folder for folder in folders if folder not in named and _has_image(folder)]
    with_classes = [folder for folder in named if subfolders(folder)]
    flat = [folder for folder in named if folder not in with_classes and _has_image(folder)]
    if not with_classes:
        if len(flat) > 1 or (flat and not others):
            raise InvalidInput(
                f"--dataset: {_listed(flat)} in {root} must hold a folder for each class; "
                "images are found there directly, without a class"
            )
        return Layout(root)
    parts: dict[str, Path] = {}
    for folder in with_classes:
        role = _ROLES[folder.name.lower()]
        if role in parts:
            raise InvalidInput(
                f"--dataset: {root} has two {role} parts, {_listed([parts[role], folder])}; "
                "remove one of them"
            )
        parts[role] = folder
    if flat:
        raise InvalidInput(
            f"--dataset: {_listed(flat)} in {root} holds images without class folders, while "
            f"{_listed(with_classes)} has class folders; sort its images into class folders, or "
            "move it elsewhere"
        )
    if "train" not in parts:
        raise InvalidInput(
            f"--dataset: {root} has {_listed(with_classes)} with folders inside, but no train "
            "part; name the training part train, or rename the folder if it is a class"
        )
    if others and len(parts) == 1:
        raise InvalidInput(
            f"--dataset: {root} holds {_listed(with_classes)} with class folders inside, and "
            f"{_listed(others)} with images: either all are classes or {with_classes[0].name} is "
            "the training part; rename the class or move the others elsewhere"
        )
    unused = [*others, *(folder for folder in named if folder not in with_classes)]
    notes = (f"not used: {_listed(unused)} of {root.name}",) if unused else ()
    return Layout(parts["train"], parts.get("validation"), parts.get("test"), notes)


def subfolders(folder: Path) -> list[Path]:
    """The visible subfolders of a folder, sorted."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def image_files(folder: Path, seen: set[str] | None = None) -> Iterator[Path]:
    """The image files below a folder, in order; every folder is visited once.

    Args:
        folder: The folder.
        seen: Real paths of folders to skip.
    """
    seen = set() if seen is None else seen
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from image_files(path, seen)
        elif path.suffix.lower() in SUFFIXES:
            yield path


def _has_image(folder: Path) -> bool:
    seen = {os.path.realpath(parent) for parent in folder.parents}
    return next(image_files(folder, seen), None) is not None


def _listed(folders: list[Path]) -> str:
    names = [folder.name for folder in folders]
    return ", ".join(names[:5]) + (", ..." if names[5:] else "")

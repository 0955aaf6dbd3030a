"""Scans an image folder for its usable files, by part and class."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cifarkit.datasets import decoding, file_hashes
from cifarkit.datasets.duplicates import refuse_equal_parts
from cifarkit.datasets.folder_layout import SUFFIXES, Layout, find_parts, image_files, subfolders
from cifarkit.errors import InvalidInput

_NAMED_FAULTS = 5
_MOST_SKIPPED = 0.01

Classes = dict[str, tuple[Path, ...]]


@dataclass(frozen=True)
class ImageFile:
    """An image file that was decoded once.

    Attributes:
        path: Its path.
        digest: BLAKE2b of its bytes.
        size: (height, width) as displayed.
    """

    path: Path
    digest: str
    size: tuple[int, int]


Part = tuple[tuple[ImageFile, ...], ...]


@dataclass(frozen=True)
class Scan:
    """The images of a folder.

    Attributes:
        root: The folder.
        class_names: The class folders' names, sorted.
        train: The images of each class, sorted by path; all of them if there are no other parts.
        validation, test: The same for these parts; None if there is no such part.
        fingerprint: See `file_hashes.fingerprint`; of all image files, also those that are skipped.
        skipped: Images that cannot be decoded, each with the reason.
        notes: Remarks for readers of the results, without a full stop.
    """

    root: Path
    class_names: tuple[str, ...]
    train: Part
    validation: Part | None
    test: Part | None
    fingerprint: str
    skipped: tuple[str, ...]
    notes: tuple[str, ...]


def scan(root: Path) -> Scan:
    """Find, hash and decode all images of a folder; unchanged files are looked up in the cache.

    For parts see `folder_layout.find_parts`. Class folders may have subfolders. Hidden files and
    other kinds of files are ignored, as are class folders without images. Up to 1% of the images
    may be damaged and are skipped.

    Raises:
        InvalidInput: There are fewer than two classes, parts that differ in their classes or
            are the same images, too many damaged images, or folders that are ambiguous.
    """
    try:
        layout = find_parts(root)
        folders = {
            role: folder
            for role, folder in (
                ("train", layout.train),
                ("validation", layout.validation),
                ("test", layout.test),
            )
            if folder is not None
        }
        notes = list(layout.notes)
        parts = {role: _classes(folder, root, notes) for role, folder in folders.items() if folder}
        _check_classes(layout.train, parts, folders)
        found = _inspect(root, parts.values())
    except OSError as error:
        raise InvalidInput(f"--dataset: {root} cannot be read: {error}") from error
    skipped = _skipped(root, found)
    usable = {
        role: {name: _usable(paths, found) for name, paths in part.items()}
        for role, part in parts.items()
    }
    for role, part in usable.items():
        for name, members in part.items():
            if not members:
                raise InvalidInput(
                    f"--dataset: no image of class {name!r} in {folders[role]} can be decoded: "
                    f"{_first(skipped)}"
                )
    refuse_equal_parts(
        root.name,
        {
            folders[role].name: [f.digest for members in part.values() for f in members]
            for role, part in usable.items()
        },
    )
    notes += _notes_on_parts(layout)
    if skipped:
        notes.append(
            f"left out since they cannot be decoded, {len(skipped):,} of {len(found):,} images of "
            f"{root.name}: {_first(skipped)}"
        )
    notes += _notes_on_traits(root, [info for info in found.values() if "size" in info.found])
    return Scan(
        root=root,
        class_names=tuple(parts["train"]),
        train=tuple(usable["train"].values()),
        validation=_ordered(usable, "validation"),
        test=_ordered(usable, "test"),
        fingerprint=file_hashes.fingerprint(
            {path.relative_to(root).as_posix(): info.digest for path, info in found.items()}
        ),
        skipped=tuple(skipped),
        notes=tuple(notes),
    )


def _classes(folder: Path, root: Path, notes: list[str]) -> Classes:
    """The image files of each class folder that has any."""
    classes: Classes = {}
    for class_folder in subfolders(folder):
        if any("\ud800" <= letter <= "\udfff" for letter in class_folder.name):
            raise InvalidInput(
                f"--dataset: the name of class folder {class_folder} is not valid text"
            )
        # A link to a parent folder would add other classes and never end.
        seen = {os.path.realpath(parent) for parent in class_folder.parents}
        if paths := tuple(image_files(class_folder, seen)):
            classes[class_folder.name] = paths
        else:
            notes.append(
                f"class folder {class_folder.relative_to(root).as_posix()} of {root.name} holds "
                "no images and is left out"
            )
    return classes


def _check_classes(train: Path, parts: dict[str, Classes], folders: dict[str, Path]) -> None:
    names = parts["train"].keys()
    if len(names) < 2:
        raise InvalidInput(
            f"--dataset: {train} must hold at least two folders of images ({', '.join(SUFFIXES)}), "
            f"one for each class; it holds {', '.join(names) or 'none'}"
        )
    for role, part in parts.items():
        if odd := sorted(part.keys() ^ names):
            raise InvalidInput(
                f"--dataset: {train} and {folders[role]} must have images of the same classes; "
                f"only one of them has {', '.join(odd[:5])}{', ...' if odd[5:] else ''}"
            )


def _inspect(root: Path, parts: Iterable[Classes]) -> dict[Path, file_hashes.FileInfo]:
    paths = [path for part in parts for members in part.values() for path in members]
    with decoding.quiet():
        infos = file_hashes.inspect(root, paths, decoding.examine, version=decoding.VERSION)
    return dict(zip(paths, infos, strict=True))


def _skipped(root: Path, found: dict[Path, file_hashes.FileInfo]) -> list[str]:
    """Unusable images with the reasons; raises InvalidInput if there are too many."""
    faults = [
        f"{path.relative_to(root)}: {info.found.get('fault')}"
        for path, info in found.items()
        if "size" not in info.found
    ]
    if len(faults) > _MOST_SKIPPED * len(found):
        raise InvalidInput(
            f"--dataset: {len(faults):,} of {len(found):,} images of {root} cannot be used, more "
            f"than 1%: {_first(faults)}"
        )
    return faults


def _first(faults: Sequence[str]) -> str:
    more = len(faults) - _NAMED_FAULTS
    return "; ".join(faults[:_NAMED_FAULTS]) + (f"; and {more} more" if more > 0 else "")


def _usable(
    paths: Sequence[Path], found: dict[Path, file_hashes.FileInfo]
) -> tuple[ImageFile, ...]:
    return tuple(
        ImageFile(path, found[path].digest, (size[0], size[1]))
        for path in paths
        if (size := found[path].found.get("size"))
    )


def _ordered(usable: dict[str, dict[str, tuple[ImageFile, ...]]], role: str) -> Part | None:
    part = usable.get(role)
    return None if part is None else tuple(part[name] for name in usable["train"])


def _notes_on_parts(layout: Layout) -> list[str]:
    notes = []
    if layout.validation is not None:
        own = f"{layout.validation.name} of {layout.train.parent.name}"
        notes.append(f"{own} is the validation part: validation_fraction is not used")
        if layout.test is None:
            notes.append(
                f"there is no test part: a fifth of each class of {layout.train.name} is held out "
                f"as one, since choices are made on {own}"
            )
    return notes


def _notes_on_traits(root: Path, infos: Sequence[file_hashes.FileInfo]) -> list[str]:
    notes = []
    for trait, meaning in decoding.TRAITS.items():
        count = sum(trait in info.found["traits"] for info in infos)
        # Mention grayscale only if the data set is mixed.
        if count and not (trait == "gray" and count == len(infos)):
            notes.append(f"{meaning}: {count:,} of {len(infos):,} images of {root.name}")
    return notes

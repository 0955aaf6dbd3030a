"""Real photographs-of-sorts without a download: scikit-learn's handwritten digits as PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def make_digits(
    directory: Path, *, side: int = 8, per_class: int | None = None, split: bool = True
) -> Path:
    """Class folders `0`..`9` of grayscale PNGs, `side` x `side`; returns the folder.

    With `split`, every fifth image of a class goes to `test/` and the others to `train/`.
    `per_class` limits the images of each class, both parts together.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    levels = np.round(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    root = directory / "digits"
    for digit in range(10):
        members = np.flatnonzero(labels == digit)[:per_class]
        for rank, row in enumerate(members):
            part = ("test" if rank % 5 == 4 else "train") if split else "."
            folder = root / part / str(digit)
            folder.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(levels[row])
            if side != 8:
                image = image.resize((side, side), Image.Resampling.BICUBIC)
            image.save(folder / f"{row:04d}.png")
    return root


def make_uneven_digits(directory: Path) -> Path:
    """A folder as users have them: uneven classes, and images of many sizes, modes and formats.

    Class `d` has `12 + 3 * d` images, a third of them in `Testing/` and the others in `Training/`.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    levels = np.round(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    root = directory / "uneven"
    modes = ["L", "RGB", "P", "RGBA", "CMYK", "RGB", "I;16", "L", "RGB", "L"]
    suffixes = ["png", "jpg", "gif", "png", "tif", "webp", "png", "bmp", "ppm", "JPEG"]
    for digit in range(10):
        for rank, row in enumerate(np.flatnonzero(labels == digit)[: 12 + 3 * digit]):
            mode, suffix = modes[(rank + digit) % 10], suffixes[(rank + digit) % 10]
            image = Image.fromarray(levels[row]).resize((8 + rank % 3 * 8, 8 + rank % 2 * 16))
            if mode == "I;16":
                image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
            elif mode != "L":
                image = image.convert("RGB").convert(mode)
            if mode == "RGBA":
                image.putalpha(Image.fromarray(np.asarray(image.getchannel("R"))))
            folder = root / ("Testing" if rank % 3 == 2 else "Training") / f"digit {digit}"
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{row:04d}.{suffix}")
    return root


def make_digits_npz(path: Path) -> Path:
    """scikit-learn's digits as MedMNIST lays its files out: three parts, labels `(n, 1)`."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    levels = np.round(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    parts = {"train": slice(0, 1200), "val": slice(1200, 1500), "test": slice(1500, None)}
    arrays = {f"{name}_images": levels[rows] for name, rows in parts.items()}
    arrays |= {f"{name}_labels": labels[rows, None] for name, rows in parts.items()}
    np.savez_compressed(path, **arrays)
    return path

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

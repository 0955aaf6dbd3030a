"""Write scikit-learn's handwritten digits as class folders, for `examples/digits.toml`.

    pip install 'cifarkit[offline]' scikit-learn
    python examples/digits.py digits

1,797 images of 8 x 8 pixels: the first 60 of each digit go to `train/`, the others to `test/`.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

TRAIN_PER_CLASS = 60


def write_digits(root: Path) -> None:
    images, labels = load_digits(return_X_y=True)
    seen: Counter[int] = Counter()
    for row, (pixels, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        part = "train" if seen[label] < TRAIN_PER_CLASS else "test"
        seen[label] += 1
        folder = root / part / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        gray = np.round(pixels.reshape(8, 8) * (255 / 16)).astype(np.uint8)
        Image.fromarray(gray).save(folder / f"{row:04d}.png")


if __name__ == "__main__":
    write_digits(Path(sys.argv[1] if len(sys.argv) > 1 else "digits"))

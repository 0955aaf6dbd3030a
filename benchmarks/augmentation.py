"""Claim: augmenting at native size with one affine map feeds a faster device than Keras' layers do
at the size of the network's input, or at the same native size.

    python -m benchmarks.augmentation --repeats 5

Batches per second as training would take them: flip, rotation, zoom and contrast, batching and
prefetching, with nobody to wait for. Images per second, the first (tracing) epoch left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.measure import alternate, parser, spread, table

BATCH_SIZE = 128


def _rate(batches: Callable[[], Iterable[Any]], images: int) -> float:
    began = time.perf_counter()
    for _ in batches():
        pass
    return images / (time.perf_counter() - began)


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--images", type=int, default=5000)
    options.add_argument("--native", type=int, default=32)
    options.add_argument("--size", type=int, default=96)
    chosen = options.parse_args()

    import keras
    import tensorflow as tf

    from cifarkit.datasets.augmentation import Change, make_augment
    from cifarkit.datasets.loader import Batches

    rng = np.random.default_rng(0)
    shape = (chosen.images, chosen.native, chosen.native, 3)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    labels = np.zeros(chosen.images, np.int32)

    augment = make_augment(flip=True, rotation=0.1, zoom=0.1, contrast=0.1)

    def ours() -> Iterable[Any]:
        change = Change.of_view(augment, 0, 1, len(labels))
        return Batches(images, labels, batch_size=BATCH_SIZE, seed=0, epoch=1, change=change)

    def keras_layers(side: int) -> Callable[[], Iterable[Any]]:
        layers = keras.Sequential(
            [
                keras.layers.RandomFlip("horizontal"),
                keras.layers.RandomRotation(0.1),
                keras.layers.RandomZoom(0.1),
                keras.layers.RandomContrast(0.1),
            ]
        )
        floats = np.concatenate(
            [tf.image.resize(images[s : s + 500], (side, side)) for s in range(0, len(images), 500)]
        )
        made = tf.data.Dataset.from_tensor_slices((floats, labels)).shuffle(len(images))
        made = made.batch(BATCH_SIZE).map(
            lambda x, y: (layers(x, training=True), y), num_parallel_calls=tf.data.AUTOTUNE
        )
        return lambda: made.prefetch(tf.data.AUTOTUNE)

    arms = {
        f"cifarkit at {chosen.native} px": ours,
        f"Keras' layers at {chosen.native} px": keras_layers(chosen.native),
        f"Keras' layers at {chosen.size} px": keras_layers(chosen.size),
    }
    for batches in arms.values():
        _rate(batches, chosen.images)
    found = alternate(
        {name: lambda b=batches: _rate(b, chosen.images) for name, batches in arms.items()},
        chosen.repeats,
    )
    table(
        f"Augmentation: {chosen.images} images, batches of {BATCH_SIZE}",
        ["", "images/s"],
        [[arm, spread(rates, 0)] for arm, rates in found.items()],
    )


if __name__ == "__main__":
    main()

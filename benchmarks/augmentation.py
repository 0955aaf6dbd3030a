"""Claim: augmenting at native size with one affine map, and mixing in integers, feeds a faster
device than Keras' layers do at the size of the network's input, or at the same native size.

    python -m benchmarks.augmentation --repeats 5

Images per second as training would take them: changing, batching and prefetching, with nobody to
wait for; the first (tracing) epoch left out. What each setting does is measured by itself, with
soft labels where images are mixed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.measure import alternate, parser, spread, table

BATCH_SIZE = 128
CLASSES = 10


def _rate(batches: Callable[[], Iterable[Any]], images: int) -> float:
    began = time.perf_counter()
    for _ in batches():
        pass
    return images / (time.perf_counter() - began)


def _ours(images: Any, labels: Any, **settings: Any) -> Callable[[], Iterable[Any]]:
    """Batches of an epoch of a training with these settings."""
    from cifarkit.datasets.dataset import Splits
    from cifarkit.studies.completion import trial_spec
    from cifarkit.training.epoch_inputs import EpochInputs
    from cifarkit.training.feature_cache import Source

    chosen: dict[str, Any] = {"model": "lenet", "classes": CLASSES, "augment": False}
    train = trial_spec(**chosen | settings | {"batch_size": BATCH_SIZE}).train
    names = tuple(map(str, range(CLASSES)))
    inputs = EpochInputs(Splits(*(images, labels) * 3, names, ()), train, CLASSES)
    return lambda: inputs.batches(1, Source(None))


def _theirs(layers: Any, images: Any, labels: Any, side: int) -> Callable[[], Iterable[Any]]:
    """Batches of images of a side, which Keras' layers change in a parallel map."""
    import tensorflow as tf

    if side != images.shape[1]:
        parts = [images[start : start + 500] for start in range(0, len(images), 500)]
        images = np.concatenate([tf.image.resize(part, (side, side)) for part in parts])
    made = tf.data.Dataset.from_tensor_slices((images, np.eye(CLASSES, dtype=np.float32)[labels]))

    def change(batch: Any, soft: Any) -> Any:
        changed = layers({"images": tf.cast(batch, tf.float32), "labels": soft}, training=True)
        return changed["images"], changed["labels"]

    made = made.shuffle(len(images)).batch(BATCH_SIZE)
    made = made.map(change, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)  # traced here, once
    return lambda: made


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--images", type=int, default=5000)
    options.add_argument("--native", type=int, default=32)
    options.add_argument("--size", type=int, default=96)
    options.add_argument("--only", help="the settings whose names hold this")
    chosen = options.parse_args()

    import keras

    rng = np.random.default_rng(0)
    shape = (chosen.images, chosen.native, chosen.native, 3)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    labels = (np.arange(chosen.images) % CLASSES).astype(np.int32)
    keras_layers = keras.layers
    range_of_values = {"value_range": (0, 255)}
    settings: dict[str, tuple[dict[str, Any], list[Any]]] = {
        "flip, rotation, zoom, contrast": (
            {"augment": True},
            [
                keras_layers.RandomFlip("horizontal"),
                keras_layers.RandomRotation(0.1),
                keras_layers.RandomZoom(0.1),
                keras_layers.RandomContrast(0.1, **range_of_values),
            ],
        ),
        "MixUp": ({"mixup": 0.2}, [keras_layers.MixUp(0.2)]),
        "CutMix": ({"cutmix": 1.0}, [keras_layers.CutMix(1.0)]),
        "TrivialAugment (Keras: RandAugment of one operation)": (
            {"trivialaugment": True},
            [keras_layers.RandAugment(num_ops=1, **range_of_values)],
        ),
        "random erasing": (
            {"random_erasing": 0.25},
            [keras_layers.RandomErasing(0.25, **range_of_values)],
        ),
    }
    rates: dict[str, Callable[[], Iterable[Any]]] = {}
    for name, (ours, theirs) in settings.items():
        if chosen.only and chosen.only not in name:
            continue
        rates[f"{name}: cifarkit at {chosen.native} px"] = _ours(images, labels, **ours)
        for side in (chosen.native, chosen.size):
            pipeline = keras.layers.Pipeline(theirs)
            rates[f"{name}: Keras' layers at {side} px"] = _theirs(pipeline, images, labels, side)
    for batches in rates.values():
        _rate(batches, chosen.images)
    found = alternate(
        {name: lambda b=batches: _rate(b, chosen.images) for name, batches in rates.items()},
        chosen.repeats,
    )
    table(
        f"Augmentation: {chosen.images} images, batches of {BATCH_SIZE}",
        ["", "images/s"],
        [[arm, spread(of_arm, 0)] for arm, of_arm in found.items()],
    )


if __name__ == "__main__":
    main()

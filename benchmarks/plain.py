"""The script that one would write without this package, from Keras' own parts and `model.fit`.

    python -m benchmarks.plain '{"model": "densenet121", "image_size": 96, "epochs": 3}'

It takes the settings of a spec, and trains the same model on the same images and the same split
for the same epochs. It is meant to be fair: images are resized once, up front; augmentation is
Keras' own layers in a parallel `tf.data` map with prefetching, as in Keras' guides; without
augmentation the arrays go straight to `fit`; nothing is run eagerly, and XLA is left to Keras.

It prints one line of JSON: `first_batch_seconds` from the start of the process, `fit_seconds`,
`images_per_second` of the first epoch after its first batch, `peak_rss_mb`, and `accuracy` of the
test images.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import psutil

from cifarkit.specs import SETTINGS, TrialSpec

CHUNK = 1024
FOLLOWED = ("epochs", "batch_size", "optimizer", "learning_rate", "patience", "seed", "augment",
            "rotation", "zoom", "contrast")  # fmt: skip
"""The settings of training that this script has; others are refused unless they have their default.
BatchNormalization keeps Keras' moving averages, also where the spec wants `precise` statistics."""


def not_followed(spec: TrialSpec) -> list[str]:
    """The settings of training that this script would ignore, with their values."""
    values = {
        name: setting.of(spec)
        for name, setting in SETTINGS.items()
        if setting.section == "train" and name not in FOLLOWED
    }
    return [
        f"{name}={value!r}"
        for name, value in values.items()
        if value is not None and value != SETTINGS[name].value
    ]


def main(settings: dict[str, Any]) -> None:
    import keras
    import tensorflow as tf

    from cifarkit.profiling.memory import peak_rss_mb
    from cifarkit.studies.completion import trial_spec
    from cifarkit.training.model_builder import build
    from cifarkit.training.trial import load_splits

    spec = trial_spec(**settings)
    if ignored := not_followed(spec):
        sys.exit(f"this script does not do {', '.join(ignored)}: leave them out to compare with it")
    side = spec.model.image_size
    splits = load_splits(spec)

    def resized(images: Any) -> np.ndarray:
        out = np.empty((len(images), side, side, 3), np.float32)
        for start in range(0, len(images), CHUNK):
            part = images[start : start + CHUNK]
            out[start : start + CHUNK] = tf.image.resize(part, (side, side))
        return out

    train, validation = resized(splits.train_images), resized(splits.validation_images)
    keras.utils.set_random_seed(spec.train.seed)
    model = build(spec.model, (side, side)).model
    model.compile(
        optimizer=keras.optimizers.get(
            {
                "class_name": spec.train.optimizer,
                "config": {"learning_rate": spec.train.learning_rate},
            }
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    batch_size = spec.train.batch_size
    given: dict[str, Any] = {"x": train, "y": splits.train_labels, "batch_size": batch_size}
    if changes := spec.train.augmentation:
        amounts = [changes.rotation, changes.zoom, changes.contrast]
        augment = keras.Sequential(
            [
                keras.layers.RandomFlip("horizontal"),
                keras.layers.RandomRotation(amounts[0]),
                keras.layers.RandomZoom(amounts[1]),
                keras.layers.RandomContrast(amounts[2]),
            ]
        )
        batches = tf.data.Dataset.from_tensor_slices((train, splits.train_labels))
        batches = batches.shuffle(len(train)).batch(batch_size)
        batches = batches.map(
            lambda images, labels: (augment(images, training=True), labels),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        given = {"x": batches.prefetch(tf.data.AUTOTUNE)}

    first_batch: list[float] = []
    batch_ends: list[float] = []

    class BatchEnds(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if not first_batch:
                first_batch.append(time.time() - psutil.Process().create_time())
            if len(batch_ends) == batch:  # of the first epoch
                batch_ends.append(time.perf_counter())

    began = time.perf_counter()
    model.fit(
        **given,
        validation_data=(validation, splits.validation_labels),
        validation_batch_size=batch_size,
        epochs=spec.train.epochs,
        verbose=0,
        callbacks=[
            BatchEnds(),
            keras.callbacks.EarlyStopping(patience=spec.train.patience, restore_best_weights=True),
        ],
    )
    fit_seconds = time.perf_counter() - began
    scores = model.evaluate(
        resized(splits.test_images), splits.test_labels, batch_size=batch_size, verbose=0
    )
    steady = len(train) - batch_size
    measured = {
        "first_batch_seconds": first_batch[0],
        "fit_seconds": fit_seconds,
        "images_per_second": steady / (batch_ends[-1] - batch_ends[0]) if steady else None,
        "peak_rss_mb": peak_rss_mb(),
        "accuracy": scores[1],
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})

"""The Keras models of a trial that kept its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cifarkit.errors import InvalidInput
from cifarkit.store.file_io import UnreadableFile, check_sum
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import KEPT_WEIGHTS
from cifarkit.streams import stderr_discarded

Size = tuple[int, int]


def check_kept(record: TrialRecord) -> Path:
    """The file of a complete trial's kept weights.

    Raises:
        InvalidInput: It is not complete, kept no weights, or they are damaged.
    """
    if not record.complete:
        raise InvalidInput(
            f"trial {record.trial_id} is not complete: its status is {record.state.status.value}"
        )
    path = record.folder / KEPT_WEIGHTS
    if not path.is_file():
        raise InvalidInput(
            f"trial {record.trial_id} has no weights: they were not kept; "
            f"`cifarkit train {record.trial_id}` trains it again and keeps them"
        )
    try:
        check_sum(record.folder, record.state, KEPT_WEIGHTS)
    except UnreadableFile as error:
        raise InvalidInput(str(error)) from None
    return path


def native_size(record: TrialRecord) -> Size:
    """(height, width) in pixels of the trial's images before its model resizes them.

    Raises:
        InvalidInput: An earlier version trained it, and its data cannot be read any more.
    """
    assert record.result is not None
    if record.result.native_size is not None:
        return record.result.native_size
    from cifarkit.datasets.registry import load

    data = record.spec.data
    images = load(data.dataset, data.location, image_size=record.spec.model.image_size).train_images
    return images.shape[1], images.shape[2]


def import_quietly() -> None:
    """Import Keras without what TensorFlow then says of itself."""
    from cifarkit.training.keras_compat import import_keras

    with stderr_discarded():
        import_keras()


def trained_model(record: TrialRecord) -> Any:
    """A trial's network in float32 with its kept weights, without `Resizing`.

    Returns:
        A `training.model_builder.BuiltModel`; its model takes (n, s, s, 3) images in 0..255, where
        s is the spec's `image_size`, and gives (n, outputs) float32 logits.

    Raises:
        InvalidInput: As `check_kept`, or the weights do not fit the network.
    """
    from cifarkit.training.model_builder import build, precision

    weights = check_kept(record)
    spec = record.spec.model
    import_quietly()
    with precision("float32"), stderr_discarded():
        built = build(spec, (spec.image_size, spec.image_size), pretrained=False)
    try:
        built.model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        cause = " ".join(str(error).split())[:300]
        raise InvalidInput(f"{weights} does not fit {spec.model}: {cause}") from None
    return built


def inference_model(
    network: Any, native: Size, image_size: int, *, fixed: bool = False, dtype: str = "uint8"
) -> Any:
    """A network with everything in front of it that an image as a user has it needs.

    Images are resized twice: to the size of the data, as the data set's reader would have, and then
    as the trial's model did. `keras.layers.Resizing` is no part of it: in front of a nested model,
    it puts Dropout and BatchNormalization in training mode, since its `call` has
    `training=True` as a default.

    Args:
        network: (n, s, s, 3) in 0..255 to logits.
        native: (height, width) of the trial's images.
        image_size: s, in pixels.
        fixed: Take images of `native` alone, and do not resize to it.
        dtype: Of the images; in 0..255 whatever it is.

    Returns:
        A model of (n, h, w, 3) images, of any size, to (n, outputs) float32 probabilities.
    """
    import keras
    from keras import ops

    images = keras.Input((*(native if fixed else (None, None)), 3), dtype=dtype, name="images")
    x = ops.cast(images, "float32")
    if not fixed:
        x = ops.image.resize(x, native, antialias=True)
    if native != (image_size, image_size):
        x = ops.image.resize(x, (image_size, image_size))
    probabilities = ops.softmax(network(x, training=False))
    return keras.Model(images, probabilities, name=f"{network.name}_of_images")

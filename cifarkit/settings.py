"""Settings of a training by their flat names: `dropout`, `learning_rate`, `classes`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, TypedDict


class Settings(TypedDict, total=False):
    """Settings as keyword arguments; see the fields of the specs for what each does.

    The network and the seed are not among them: a study sets both. None stands for the default.
    """

    dataset: str | os.PathLike[str] | None
    location: str | os.PathLike[str] | None
    classes: int | None
    class_seed: int | None
    class_names: Sequence[str] | None
    train_per_class: int | None
    train_at_most: int | None
    validation_fraction: float | None
    data_seed: int | None
    weights: str | None
    image_size: int | None
    dropout: float | None
    unfreeze: float | None
    batchnorm: Literal["precise", "keras", "frozen"] | None
    head_outputs: int | None
    epochs: int | None
    head_epochs: int | None
    batch_size: int | None
    optimizer: Literal["adam", "adamax", "sgd", "adamw", "rmsprop"] | None
    learning_rate: float | None
    weight_decay: float | None
    label_smoothing: float | None
    patience: int | None
    augment: bool | None
    flip: bool | None
    rotation: float | None
    zoom: float | None
    contrast: float | None
    augment_views: int | None
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] | None

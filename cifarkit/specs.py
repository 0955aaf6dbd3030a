"""The complete, frozen, validated description of one training, and the id that it hashes to.

Specs are values: making one looks at no file, no network and no data. `studies.completion` makes
them from what a user sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cifarkit.datasets.registry import NAMED
from cifarkit.digests import json_digest
from cifarkit.errors import InvalidInput
from cifarkit.settings import Setting, collect, identifying

PRETRAINED_LEARNING_RATE = 2.5e-5
"""The published study's choice (its Table 6)."""
RANDOM_LEARNING_RATE = 1e-3
"""Adam's customary rate (Kingma & Ba 2015, section 6), where all that is trained, which may be a
head on frozen layers, starts at random."""
ADAMW_WEIGHT_DECAY = 0.004
"""Keras' own default for AdamW."""

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0, lt=2**31)]
Alpha = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSpec(_Spec):
    """Which images, and how they are split. Each setting's annotation says what it is.

    Attributes:
        dataset: For a path, `folder` or `npz`; the path is the `location` then.
        location: Not part of the trial's identity: data may be moved.
        fingerprint: Identifies the content where the name does not.
    """

    dataset: Annotated[
        str,
        Setting(
            f"{', '.join(NAMED)}, a folder of class folders, or an .npz file.",
            heading="Data set",
        ),
    ] = "cifar100"
    location: Annotated[
        str | None,
        Setting(
            "Where the files of CIFAR or Fashion-MNIST lie, packed or unpacked.",
            default="Keras' cache, downloaded once",
            flags=("--data-dir",),
            swept=False,
            type=Path,
        ),
    ] = None
    fingerprint: str | None = None
    classes: Annotated[
        int,
        Field(ge=2),
        Setting("Use this many classes, the first by label.", default="all"),
    ]
    class_seed: Annotated[Seed | None, Setting("Draw the classes with this seed instead.")] = None
    class_names: Annotated[
        tuple[str, ...] | None,
        Setting("Name the classes instead: apple,bear,...", swept=False),
    ] = None
    train_per_class: Annotated[
        Annotated[int, Field(ge=2)] | None,
        Setting(
            "Training images of each class, validation included.",
            default="all",
            heading="Training images per class",
        ),
    ] = None
    train_at_most: Annotated[
        Annotated[int, Field(ge=2)] | None,
        Setting(
            "Training images of each class, or all of a class that has fewer.",
            heading="Training images per class, at most",
            since=2,
        ),
    ] = None
    validation_fraction: Annotated[
        float,
        Field(gt=0, lt=1),
        Setting(
            "Fraction of each class's training images held out for validation; not used where "
            "the data has a validation part.",
        ),
    ] = 0.1
    data_seed: Annotated[
        Seed, Setting("Seed of the validation split and of --train-per-class.")
    ] = 0

    @property
    def identified_by_sizes(self) -> bool:
        """Whether an earlier version knew the data by the names and sizes of its files only."""
        known = self.fingerprint or ""
        return self.dataset in ("folder", "npz") and not known.startswith("blake2b:")


class Augmentation(_Spec):
    """Random changes to training images, in the published study's amounts."""

    flip: Annotated[bool, Setting("Mirror each image left to right with a chance of one half.")] = (
        True
    )
    rotation: Annotated[
        Fraction, Setting("Rotate by up to this fraction of a full turn, either way.")
    ] = 0.1
    zoom: Annotated[
        float, Field(ge=0, lt=1), Setting("Scale by a factor of 1 - zoom to 1 + zoom.")
    ] = 0.1
    contrast: Annotated[
        Fraction,
        Setting("Scale contrast about each channel's mean by 1 - contrast to 1 + contrast."),
    ] = 0.1
    augment_views: Annotated[
        Count | None,
        Setting(
            "Augment each image in this many ways, in turn; frozen layers then run once for each.",
            default="another way in every epoch",
            since=2,
        ),
    ] = None

    def amounts(self) -> dict[str, Any]:
        """What is done to an image, without how often."""
        return self.model_dump(exclude={"augment_views"})


class ModelSpec(_Spec):
    """Which network, from which weights, how much of it trained.

    Attributes:
        model: A backbone's key.
        weights: For a file, `sha256:` and the beginning of its digest.
        weights_file: Where the weights lie, if in a file. Not part of the trial's identity.
        batchnorm: See `training.precise_batchnorm`.
    """

    model: Annotated[str, Setting("Which network.", aliases=("models",))]
    weights: Annotated[
        str,
        Setting("imagenet, none, trial:ID, or a .weights.h5 file.", default="imagenet"),
    ]
    weights_file: str | None = None
    image_size: Annotated[
        Count,
        Setting(
            "Side to which a backbone's images are resized, in pixels.",
            default="78 to compare networks, 96 to study one; those made for 32 see 32",
            aliases=("size",),
            heading="Image size (px)",
        ),
    ]
    dropout: Annotated[
        float,
        Field(ge=0, lt=1),
        Setting("Fraction of features dropped before the classifier."),
    ] = 0.5
    unfreeze: Annotated[
        Fraction,
        Setting(
            "Fraction of the backbone's layers that is trained, from its end.",
            aliases=("depth",),
            heading="Unfrozen share of layers",
        ),
    ] = 1.0
    batchnorm: Annotated[
        Literal["precise", "keras", "frozen"],
        BeforeValidator(lambda value: "keras" if value == "train" else value),  # its first name
        Setting(
            "Statistics of unfrozen BatchNormalization: precise (computed anew from training "
            "images after each epoch), keras (moving averages) or frozen (left as they are).",
            heading="BatchNorm",
        ),
    ] = "precise"
    head_outputs: Annotated[
        Annotated[int, Field(ge=2, lt=2**31)] | None,
        Setting("Width of the classifier.", default="the classes"),
    ] = None


class TrainSpec(_Spec):
    """How it is trained.

    Attributes:
        learning_rate: Its default is `PRETRAINED_LEARNING_RATE` where pretrained layers are
            trained, `RANDOM_LEARNING_RATE` otherwise.
        weight_decay: Loshchilov & Hutter 2019.
        augmentation: None for none.
    """

    epochs: Annotated[Count, Setting("At most this many.", heading="Epochs allowed")] = 100
    head_epochs: Annotated[
        int,
        Field(ge=0, lt=2**31),
        Setting("Train the head alone for this many epochs first.", unmentioned=0),
    ] = 0
    batch_size: Annotated[Count, Setting("Images per step.")] = 128
    optimizer: Annotated[
        Literal["adam", "adamax", "sgd", "adamw", "rmsprop"], Setting("{choices}.")
    ] = "adam"
    learning_rate: Annotated[
        float,
        Field(gt=0, allow_inf_nan=False),
        Setting(
            "After warm-up; see --schedule.",
            default="2.5e-5 where pretrained layers are trained, 1e-3 else",
            flags=("--learning-rate", "--lr"),
        ),
    ]
    warmup_epochs: Annotated[
        int,
        Field(ge=0, lt=2**31),
        Setting(
            "Epochs in which the learning rate rises linearly to its value.",
            heading="Warm-up epochs",
            unmentioned=0,
            since=2,
        ),
    ] = 0
    schedule: Annotated[
        Literal["constant", "cosine"],
        Setting(
            "Learning rate after warm-up: constant, or cosine (falling to 0 over --epochs, update "
            "by update).",
            heading="Learning rate schedule",
            unmentioned="constant",
            since=2,
        ),
    ] = "constant"
    layer_decay: Annotated[
        float,
        Field(gt=0, le=1, allow_inf_nan=False),
        Setting(
            "Factor of the learning rate from one group of the backbone's layers (at most 12 equal "
            "ones) to the one before, away from the head; 1 for one rate.",
            heading="Layer-wise rate decay",
            unmentioned=1.0,
            since=2,
        ),
    ] = 1.0
    ema: Annotated[
        float,
        Field(ge=0, lt=1),
        Setting(
            "Decay of an exponential moving average of the weights over the updates, such as 0.99; "
            "the averages are validated and kept. 0 for none.",
            heading="EMA of weights",
            unmentioned=0.0,
            since=2,
        ),
    ] = 0.0
    weight_decay: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        Setting(
            "Decoupled from the gradient.",
            default=f"{ADAMW_WEIGHT_DECAY:g} for adamw, 0 else",
            unmentioned=0.0,
        ),
    ] = 0.0
    label_smoothing: Annotated[
        float,
        Field(ge=0, lt=1),
        Setting("Share of the target that is spread over all classes.", unmentioned=0.0),
    ] = 0.0
    patience: Annotated[
        Count,
        Setting(
            "Epochs without a lower validation loss before training ends.",
            heading="Patience (epochs)",
        ),
    ] = 7
    mixup: Annotated[
        Alpha,
        Setting(
            "Blend each image, and its label, with another by a share drawn from Beta(alpha, "
            "alpha); 0 for none.",
            heading="MixUp alpha",
            unmentioned=0.0,
            since=2,
        ),
    ] = 0.0
    cutmix: Annotated[
        Alpha,
        Setting(
            "Paste a part of another image, of a share drawn from Beta(alpha, alpha), into each; "
            "0 for none. With --mixup, a coin decides for each image.",
            heading="CutMix alpha",
            unmentioned=0.0,
            since=2,
        ),
    ] = 0.0
    random_erasing: Annotated[
        Fraction,
        Setting(
            "Chance of an image to lose a rectangle to random pixels.",
            unmentioned=0.0,
            since=2,
        ),
    ] = 0.0
    trivialaugment: Annotated[
        bool,
        Setting(
            "One random operation (of geometry, colour or contrast) of random strength per image.",
            heading="TrivialAugment",
            unmentioned=False,
            since=2,
        ),
    ] = False
    augmentation: Annotated[
        Augmentation | None,
        Setting("Random flip, rotation, zoom and contrast.", heading="Augmentation"),
    ] = Augmentation()
    seed: Annotated[Seed, Setting("Of initialization, order and augmentation.", swept=False)] = 0
    precision: Annotated[
        Literal["float32", "mixed_bfloat16", "mixed_float16"],
        Setting("Of the computation: {choices}; weights and logits are float32 always."),
    ] = "float32"

    @model_validator(mode="after")
    def _reach_the_learning_rate(self) -> Self:
        if self.warmup_epochs > self.epochs:
            raise InvalidInput(
                f"warmup_epochs: {self.warmup_epochs} of {self.epochs} epochs; the learning rate "
                "would not be reached"
            )
        if self.schedule == "cosine" and self.warmup_epochs == self.epochs:
            raise InvalidInput(
                f"schedule: cosine has nothing to do after {self.warmup_epochs} epochs of warm-up "
                f"of {self.epochs}; give more epochs or fewer warmup_epochs"
            )
        return self

    @property
    def views(self) -> int | None:
        """In how many forms an image is seen; None for another in every epoch."""
        if self.augmentation is not None:
            return self.augmentation.augment_views
        return None if self.image_changes else 1

    @property
    def image_changes(self) -> dict[str, float | bool]:
        """What is done to training images besides `augmentation`, by the setting's name."""
        names = ("mixup", "cutmix", "random_erasing", "trivialaugment")
        return {name: value for name in names if (value := getattr(self, name))}


class TrialSpec(_Spec):
    """One training, whole. Two specs of the same training are equal and have the same id."""

    data: DataSpec
    model: ModelSpec
    train: TrainSpec

    @model_validator(mode="after")
    def _fit_the_head(self) -> Self:
        width = self.model.head_outputs or self.data.classes
        if width < self.data.classes:
            raise InvalidInput(f"head_outputs: {width} cannot tell {self.data.classes} classes")
        if self.model.head_outputs != width:  # frozen for everybody else
            object.__setattr__(self, "model", self.model.model_copy(update={"head_outputs": width}))
        return self

    @cached_property
    def trial_id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of everything that changes the result."""
        return identity(self.model_dump(mode="json"), type(self))


def identity(spec: Mapping[str, Any], kind: type[BaseModel] = TrialSpec) -> str:
    """The trial id of a spec that was dumped as JSON; where files lie is no part of it."""
    return json_digest(identifying(kind, spec), digits=12)


SETTINGS: dict[str, Setting] = {setting.name: setting for setting in collect(TrialSpec)}
"""Every setting by its flat name, those of augmentation last."""

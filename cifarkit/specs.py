"""The complete, frozen, validated description of one training, and the id that it hashes to.

A spec that can be made can be run: every refusal happens here, from facts that need no TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails, to_jsonable_python

from cifarkit.datasets import registry as dataset_registry
from cifarkit.errors import InvalidInput, unknown
from cifarkit.models.info import Backbone
from cifarkit.models.registry import get as get_backbone
from cifarkit.models.registry import registry
from cifarkit.models.weights_source import checked_weights
from cifarkit.settings import Setting, collect, nested

PRETRAINED_LEARNING_RATE = 2.5e-5
"""The published study's choice (its Table 6)."""
RANDOM_LEARNING_RATE = 1e-3
"""Adam's customary rate (Kingma & Ba 2015, section 6), where all that is trained, which may be a
head on frozen layers, starts at random."""
ADAMW_WEIGHT_DECAY = 0.004
"""Keras' own default for AdamW."""
SCRATCH_IMAGE_SIZE = 32
BACKBONE_IMAGE_SIZE = 78
"""The published study's sizes in its comparison of networks (its Table 1)."""
LOCATIONS = ("location", "weights_file")
"""Fields that no id depends on: files may be moved."""

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSpec(_Spec):
    """Which images, and how they are split. Each setting's annotation says what it is.

    Attributes:
        dataset: A path to a folder or to an `.npz` file becomes `folder` or `npz` here, and the
            path becomes `location`.
        location: Not part of the trial's identity: data may be moved.
        fingerprint: Identifies the content where the name does not.
    """

    dataset: Annotated[
        str,
        Setting(
            "cifar100, cifar10, synthetic, a folder of class folders, or an .npz file.",
            heading="Data set",
        ),
    ] = "cifar100"
    location: Annotated[
        str | None,
        Setting(
            "Where the CIFAR archive lies, packed or unpacked.",
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
        Seed, Setting("Seed of the validation split and of --train-per-class.", swept=False)
    ] = 0

    @property
    def identified_by_sizes(self) -> bool:
        """Whether an earlier version knew the data by the names and sizes of its files only."""
        known = self.fingerprint or ""
        return self.dataset in ("folder", "npz") and not known.startswith("blake2b:")

    @model_validator(mode="before")
    @classmethod
    def _complete_from_the_data(cls, raw: Any) -> Any:
        """Fill what was left open, and refuse what the data cannot give.

        A fingerprint, even None, is only in a spec that was complete once: that one may be read
        where its data is not.
        """
        if not isinstance(raw, dict) or "fingerprint" in raw:
            return raw
        given = {key: value for key, value in raw.items() if value is not None}
        dataset, location = given.get("dataset", "cifar100"), given.get("location")
        path = (str, os.PathLike)
        if not isinstance(dataset, path) or not isinstance(location, (*path, type(None))):
            return raw  # reported when the fields are validated
        facts = dataset_registry.facts(str(dataset), None if location is None else str(location))
        given |= {"dataset": facts.dataset, "location": facts.location}
        given["fingerprint"] = facts.fingerprint
        if names := _names(given.get("class_names")):
            if given.get("class_seed") is not None:
                raise InvalidInput("class_seed draws classes, class_names names them: give one")
            for name in names:
                if name not in facts.class_names:
                    raise unknown(f"class of {facts.title}", name, facts.class_names)
            if len(set(names)) < len(names):
                raise InvalidInput(f"class_names: a class is named twice in {', '.join(names)}")
            if given.setdefault("classes", len(names)) != len(names):
                raise InvalidInput(f"classes is {given['classes']}, but {len(names)} are named")
        available = len(facts.class_names)
        if _as_int(given.setdefault("classes", available)) > available:
            raise InvalidInput(
                f"classes: {facts.title} has {available}, {given['classes']} were asked for"
            )
        wanted = _as_int(given.get("train_per_class", 0))
        if facts.train_per_class is not None and wanted > facts.train_per_class:
            raise InvalidInput(
                f"train_per_class: {facts.title} has {facts.train_per_class} training images in "
                f"its smallest class, {wanted} were asked for; train_at_most takes up to that many "
                "of each class"
            )
        if wanted and given.get("train_at_most") is not None:
            raise InvalidInput(
                "train_per_class takes exactly so many images of each class, train_at_most up to "
                "so many: give one"
            )
        # What the data has no use for must not make two ids of one training.
        largest = facts.train_in_largest_class or facts.train_per_class
        if largest is not None and _as_int(given.get("train_at_most")) >= largest:
            del given["train_at_most"]
        if facts.has_validation:
            given.pop("validation_fraction", None)
        return given


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
        weights: A path to a `.weights.h5` file becomes `sha256:...` here, and the path
            `weights_file`.
        weights_file: Where the weights lie, if in a file. Not part of the trial's identity.
        image_size: See `default_image_size`.
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

    @property
    def trains_batchnorm(self) -> bool:
        """Whether any BatchNormalization may be trained; if not, `batchnorm` says nothing.

        True also where the network is not installed.
        """
        facts = registry().get(self.model)
        return facts is None or facts.trains_batchnorm(self.unfreeze)

    @model_validator(mode="before")
    @classmethod
    def _complete_from_the_facts(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        if not isinstance(raw.get("model"), str):
            raise InvalidInput("model: name a network; `cifarkit zoo --list` shows them")
        if raw.get("batchnorm") == "train":  # as the first versions called it
            raw = raw | {"batchnorm": "keras"}
        if "weights_file" in raw:
            # Only a spec that was complete once has it, even None: it stands as it is, whatever is
            # known of its network here, and may be read where that is not installed.
            return raw
        facts = get_backbone(raw["model"])
        given = {key: value for key, value in raw.items() if value is not None}
        given["model"] = facts.key
        given.setdefault("image_size", default_image_size(facts))
        # What a network has no use for must not make two ids of one training.
        unused: dict[str, Any] = {}
        if not facts.trains_batchnorm(_as_float(given.get("unfreeze", 1.0))):
            unused["batchnorm"] = "keras"
        if facts.includes_head:
            asked = str(given.get("weights", "none"))
            if "weights_file" not in raw and asked not in ("none", "imagenet"):
                raise InvalidInput(
                    f"weights: {facts.key} is trained from scratch and cannot start from {asked!r}"
                )
            unused |= {"weights": "none", "unfreeze": 1.0}
        if not facts.uses_dropout:
            unused["dropout"] = 0.0
        for name, value in unused.items():
            if name in given:
                check_setting(name, given[name])
            given[name] = value
        if _as_int(given["image_size"]) < facts.min_size:
            raise InvalidInput(
                f"image_size: {facts.key} takes {facts.min_size} pixels or more, "
                f"{given['image_size']} was asked for"
            )
        given |= checked_weights(
            str(given.get("weights", "imagenet" if facts.weight_sets else "none")),
            facts.weight_sets,
        )
        return given


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
            "Constant after warm-up.",
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
    augmentation: Annotated[
        Augmentation | None,
        Setting("Random flip, rotation, zoom and contrast.", heading="Augmentation"),
    ] = Augmentation()
    seed: Annotated[Seed, Setting("Of initialization, order and augmentation.", swept=False)] = 0
    precision: Annotated[
        Literal["float32", "mixed_bfloat16", "mixed_float16"],
        Setting("Of the computation: {choices}; weights and logits are float32 always."),
    ] = "float32"

    @model_validator(mode="before")
    @classmethod
    def _default_weight_decay(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("weight_decay") is None:
            return raw | {
                "weight_decay": ADAMW_WEIGHT_DECAY if raw.get("optimizer") == "adamw" else 0.0
            }
        return raw

    @model_validator(mode="after")
    def _reach_the_learning_rate(self) -> Self:
        if self.warmup_epochs > self.epochs:
            raise InvalidInput(
                f"warmup_epochs: {self.warmup_epochs} of {self.epochs} epochs; the learning rate "
                "would not be reached"
            )
        return self


class TrialSpec(_Spec):
    """One training, whole. Two specs of the same training are equal and have the same id."""

    data: DataSpec
    model: ModelSpec
    train: TrainSpec

    @model_validator(mode="before")
    @classmethod
    def _complete_from_the_model(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or not isinstance(train := raw.get("train", {}), dict):
            return raw
        given = dict(train)
        if given.get("learning_rate") is not None and not given.get("head_epochs"):
            return raw
        stored = isinstance(raw.get("model"), dict) and "weights_file" in raw["model"]
        rate = RANDOM_LEARNING_RATE
        try:
            model = ModelSpec.model_validate(raw.get("model"))
        except ValidationError:
            pass  # refused, with all else, when the fields are validated
        else:
            facts = registry().get(model.model)
            if facts is not None and facts.includes_head and not stored:
                check_setting("head_epochs", given.pop("head_epochs", 0))  # it has no head apart
            if model.weights != "none" and model.unfreeze > 0:
                rate = PRETRAINED_LEARNING_RATE
        if given.get("learning_rate") is None:
            given["learning_rate"] = rate
        return raw | {"train": given}

    @model_validator(mode="after")
    def _fit_the_head(self) -> Self:
        width = self.model.head_outputs or self.data.classes
        if width < self.data.classes:
            raise InvalidInput(f"head_outputs: {width} cannot tell {self.data.classes} classes")
        if self.model.head_outputs != width:  # frozen for everybody else
            object.__setattr__(self, "model", self.model.model_copy(update={"head_outputs": width}))
        return self

    @classmethod
    def of(cls, **settings: Any) -> Self:
        """A spec from flat settings (`model="lenet", dropout=0.3`), each by its own name.

        `augment=False` stands for no augmentation; None anywhere stands for the default.

        Raises:
            InvalidInput: A setting is unknown or cannot be used. The message names the setting,
                what was received and what would do.
        """
        nested: dict[str, dict[str, Any]] = {"data": {}, "model": {}, "train": {}}
        augmentation: dict[str, Any] = {}
        augment = settings.pop("augment", True)
        for name, value in settings.items():
            if name not in SETTINGS:
                raise unknown("setting", name, tuple(SETTINGS))
            if value is not None:
                section, *inner = SETTINGS[name].path
                (augmentation if len(inner) > 1 else nested[section])[name] = value
        nested["train"]["augmentation"] = augmentation if augment in (True, None) else None
        try:
            return cls.model_validate(nested)
        except ValidationError as error:
            raise InvalidInput("\n".join(map(_explained, error.errors()))) from None

    @cached_property
    def trial_id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of everything that changes the result."""
        return identity(self.model_dump(mode="json"), type(self))


def identity(spec: Mapping[str, Any], kind: type[BaseModel] = TrialSpec) -> str:
    """The trial id of a spec that was dumped as JSON; where files lie is no part of it."""
    canonical = json.dumps(_hashed(kind, spec), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _hashed(kind: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Without where files lie, and without later settings that hold their default."""
    inner, later = _parts(kind)
    kept = {}
    for name, value in values.items():
        if name in LOCATIONS or (name in later and value == later[name]):
            continue
        if name in inner and value is not None:
            value = _hashed(inner[name], value)
        elif (name, value) == ("batchnorm", "keras"):
            value = "train"  # as the first versions called it
        kept[name] = value
    return kept


@cache
def _parts(kind: type[BaseModel]) -> tuple[dict[str, type[BaseModel]], dict[str, Any]]:
    """The specs within a spec, and the defaults of settings that came after the first version."""
    fields = kind.model_fields
    inner = {name: part for name, field in fields.items() if (part := nested(field.annotation))}
    later = {
        name: to_jsonable_python(field.default)
        for name, field in fields.items()
        if any(isinstance(m, Setting) and m.since > 1 for m in field.metadata)
    }
    return inner, later


SETTINGS: dict[str, Setting] = {setting.name: setting for setting in collect(TrialSpec)}
"""Every setting by its flat name, those of augmentation last."""


def check_augmentation(settings: Mapping[str, Any]) -> None:
    """Refuse amounts of an augmentation that is off; for settings that were given together.

    Raises:
        InvalidInput: The message names the first such setting.
    """
    if settings.get("augment") is False:
        for name, value in settings.items():
            if name in Augmentation.model_fields and value is not None:
                option = name.replace("_", "-")
                raise InvalidInput(
                    f"--{option}: there is no augmentation with --no-augment; give one"
                )


def check_setting(name: str, value: Any) -> Any:
    """The value in the setting's own type; for where it is used before, or without, a spec.

    Raises:
        InvalidInput: The message names the setting and what was received.
    """
    try:
        return _setting_type(name).validate_python(value)
    except ValidationError as error:
        raise InvalidInput("\n".join(_explained(fault, name) for fault in error.errors())) from None


@cache
def _setting_type(name: str) -> TypeAdapter[Any]:
    sections: dict[str, type[_Spec]] = {"data": DataSpec, "model": ModelSpec, "train": TrainSpec}
    return TypeAdapter(sections[SETTINGS[name].section].model_fields[name].rebuild_annotation())


def _as_int(value: Any) -> int:
    """The value for an early comparison; what is no number is left to the field's own check."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def _as_float(value: Any) -> float:
    """Likewise."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return 1.0


def _names(value: Any) -> list[str]:
    """The names for an early comparison; what is no list of names is left to the field's check."""
    named = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    return list(value) if named else []


def default_image_size(facts: Backbone, usual: int = BACKBONE_IMAGE_SIZE) -> int:
    """The side, in pixels, to which a network's images are resized if none is given.

    Networks trained from scratch see 32 pixels, others `usual`, but none more than it was made for.
    """
    if facts.includes_head:
        return SCRATCH_IMAGE_SIZE
    return max(facts.min_size, min(facts.native_size, usual))


def _explained(error: ErrorDetails, name: str = "") -> str:
    """One line for the user: the setting, what is wrong, what was received."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, InvalidInput):
        return str(cause)
    name = name or ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"])
    message = error["msg"][:1].lower() + error["msg"][1:]
    received = "" if error["type"] == "missing" else f", got {error['input']!r}"
    return f"{name.removeprefix('augmentation.')}: {message}{received}"

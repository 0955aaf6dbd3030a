"""Completes a user's settings to the spec of a trial.

What is left open is filled in, and what the data or the network cannot give is refused, from facts
that need no TensorFlow: a spec that is made here can be run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cifarkit.datasets.info import DatasetInfo
from cifarkit.errors import InvalidInput, unknown
from cifarkit.models.info import Backbone
from cifarkit.models.registry import get as get_backbone
from cifarkit.models.weights_file import SUFFIX
from cifarkit.specs import (
    ADAMW_WEIGHT_DECAY,
    PRETRAINED_LEARNING_RATE,
    RANDOM_LEARNING_RATE,
    SETTINGS,
    Augmentation,
    DataSpec,
    ModelSpec,
    TrainSpec,
    TrialSpec,
)
from cifarkit.studies import recipes
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.setting_values import check_setting, explained

SCRATCH_IMAGE_SIZE = 32
BACKBONE_IMAGE_SIZE = 78
"""The published study's sizes in its comparison of networks (its Table 1)."""

Spec = TypeVar("Spec", bound=BaseModel)


def trial_spec(inputs: Inputs | None = None, /, **settings: Any) -> TrialSpec:
    """The spec of flat settings (`model="lenet", dropout=0.3`), each by its own name.

    `augment=False` stands for no augmentation; None anywhere stands for the default, which a
    `recipe` sets (see `recipes`).

    Args:
        inputs: The data and weights of the command; looked at for this spec alone if None.

    Raises:
        InvalidInput: A setting is unknown or cannot be used. The message names the setting, what
            was received and what would do, on a line for each fault.
    """
    recipe = settings.pop("recipe", None)
    data, model, train = _by_section(settings)
    inputs = inputs or Inputs()
    faults: list[str] = []

    def attempt(kind: type[Spec], complete: Callable[[], Mapping[str, Any]]) -> Spec | None:
        try:
            return kind.model_validate(complete())
        except ValidationError as error:
            faults.extend(explained(error))
        except InvalidInput as error:
            faults.append(str(error))
        return None

    data_spec = attempt(DataSpec, lambda: _complete_data(data, inputs))
    model_spec = attempt(ModelSpec, lambda: _complete_model(model, inputs))
    train_spec = attempt(TrainSpec, lambda: _complete_train(train, model_spec, recipe))
    parts = {"data": data_spec, "model": model_spec, "train": train_spec}
    spec = None if faults else attempt(TrialSpec, lambda: parts)
    if spec is None:
        raise InvalidInput("\n".join(faults))
    return spec


def _by_section(settings: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The settings that were given, as the fields of the data, the model and the training."""
    sections: dict[str, dict[str, Any]] = {"data": {}, "model": {}, "train": {}}
    augmentation: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "augment":
            continue
        if name not in SETTINGS:
            raise unknown("setting", name, tuple(SETTINGS))
        if value is not None:
            section, *inner = SETTINGS[name].path
            (augmentation if len(inner) > 1 else sections[section])[name] = value
    wanted = settings.get("augment") in (True, None)
    sections["train"]["augmentation"] = augmentation if wanted else None
    return tuple(sections.values())


def _complete_data(given: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    dataset, location = given.get("dataset", "cifar100"), given.get("location")
    path = (str, os.PathLike)
    if not isinstance(dataset, path) or not isinstance(location, (*path, type(None))):
        return given  # reported when the fields are validated
    facts = inputs.data(os.fspath(dataset), None if location is None else os.fspath(location))
    given |= {"dataset": facts.dataset, "location": facts.location}
    given["fingerprint"] = facts.fingerprint
    _check_names(given, facts)
    available = len(facts.class_names)
    if _number(given.setdefault("classes", available)) > available:
        raise InvalidInput(
            f"classes: {facts.title} has {available}, {given['classes']} were asked for"
        )
    wanted = _number(given.get("train_per_class", 0))
    if facts.train_per_class is not None and wanted > facts.train_per_class:
        raise InvalidInput(
            f"train_per_class: {facts.title} has {facts.train_per_class} training images in "
            f"its smallest class, {given['train_per_class']} were asked for; train_at_most takes "
            "up to that many of each class"
        )
    if wanted and "train_at_most" in given:
        raise InvalidInput(
            "train_per_class takes exactly so many images of each class, train_at_most up to "
            "so many: give one"
        )
    # What the data has no use for must not make two ids of one training.
    largest = facts.train_in_largest_class or facts.train_per_class
    if largest is not None and _number(given.get("train_at_most")) >= largest:
        del given["train_at_most"]
    if facts.has_validation:
        given.pop("validation_fraction", None)
    return given


def _check_names(given: dict[str, Any], facts: DatasetInfo) -> None:
    """Check the names of classes, if some are given, and fill in their number."""
    names = given.get("class_names", ())
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return  # reported when the fields are validated
    if not names:
        return
    if "class_seed" in given:
        raise InvalidInput("class_seed draws classes, class_names names them: give one")
    for name in names:
        if name not in facts.class_names:
            raise unknown(f"class of {facts.title}", name, facts.class_names)
    if len(set(names)) < len(names):
        raise InvalidInput(f"class_names: a class is named twice in {', '.join(names)}")
    if given.setdefault("classes", len(names)) != len(names):
        raise InvalidInput(f"classes is {given['classes']}, but {len(names)} are named")


def _complete_model(given: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    if not isinstance(given.get("model"), str):
        raise InvalidInput("model: name a network; `cifarkit zoo --list` shows them")
    facts = get_backbone(given["model"])
    given["model"] = facts.key
    given.setdefault("image_size", default_image_size(facts))
    # What a network has no use for must not make two ids of one training.
    unused: dict[str, Any] = {}
    if not facts.trains_batchnorm(_number(given.get("unfreeze", 1.0), 1.0)):
        unused["batchnorm"] = "keras"
    if facts.includes_head:
        asked = str(given.get("weights", "none"))
        if asked not in ("none", "imagenet"):
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
    if fault := facts.size_fault(_number(given["image_size"])):
        raise InvalidInput(f"image_size: {facts.key} {fault}, {given['image_size']} was asked for")
    weights = str(given.get("weights", facts.default_weights if facts.weight_sets else "none"))
    return given | _weights(weights, tuple(facts.published_weights), inputs)


def _weights(weights: str, sets: tuple[str, ...], inputs: Inputs) -> dict[str, str]:
    """The spec's fields for the weights to start from: none, a set, another trial's, a file's."""
    if weights in ("none", *sets):
        return {"weights": weights}
    if weights.startswith("sha256:"):
        raise InvalidInput(
            f"weights: {weights!r} names the content of a file; give the path of the {SUFFIX} file"
        )
    if weights.startswith("trial:"):
        if not weights.removeprefix("trial:").isalnum():
            raise InvalidInput(f"weights: {weights!r} is not of the form trial:ID")
        return {"weights": weights}
    if not PurePath(weights).name.endswith(SUFFIX):
        choices = ", ".join((*sets, "none", "trial:ID", f"a {SUFFIX} file"))
        raise InvalidInput(f"weights: {weights!r} is none of {choices}")
    content, path = inputs.weights(weights)
    return {"weights": content, "weights_file": path}


def _complete_train(
    given: dict[str, Any], model: ModelSpec | None, recipe: str | None
) -> dict[str, Any]:
    """Its defaults depend on the network; without one, which was refused, those of a new one do."""
    pretrained = model is not None and model.weights != "none" and model.unfreeze > 0
    if recipe is not None:
        epochs = _number(given.get("epochs"), TrainSpec.model_fields["epochs"].default)
        bundle = recipes.settings(recipe, transfers=pretrained, epochs=epochs)
        amounts = {name: bundle.pop(name) for name in Augmentation.model_fields if name in bundle}
        if given["augmentation"] is not None:
            given["augmentation"] = amounts | given["augmentation"]
        given = bundle | given
    if model is not None and get_backbone(model.model).includes_head:
        check_setting("head_epochs", given.pop("head_epochs", 0))  # it has no head apart
    elif model is not None and model.unfreeze == 0:
        check_setting("layer_decay", given.pop("layer_decay", 1.0))  # the head alone is trained
    rate = PRETRAINED_LEARNING_RATE if pretrained else RANDOM_LEARNING_RATE
    decay = ADAMW_WEIGHT_DECAY if given.get("optimizer") == "adamw" else 0.0
    return {"learning_rate": rate, "weight_decay": decay} | given


def default_image_size(facts: Backbone, usual: int = BACKBONE_IMAGE_SIZE) -> int:
    """The side, in pixels, to which a network's images are resized if none is given.

    Networks trained from scratch see 32 pixels, others `usual`, but none more than it was made for.
    """
    if facts.includes_head:
        return SCRATCH_IMAGE_SIZE
    size = min(facts.native_size, usual)
    return max(facts.min_size, size - size % facts.size_step)


def _number(value: Any, otherwise: float = 0) -> float:
    """The value for an early comparison; what is no number is left to the field's own check."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return otherwise

"""Runs a trained network on data that is not its trial's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cifarkit.console import counting
from cifarkit.datasets import registry
from cifarkit.datasets.folder_layout import find_parts
from cifarkit.deploy import loading
from cifarkit.deploy.loading import Origin
from cifarkit.errors import InvalidInput
from cifarkit.reporting.evaluation_scores import Scores, of_predictions
from cifarkit.store.predictions import Predictions
from cifarkit.text import counted, plain

if TYPE_CHECKING:
    from cifarkit.datasets.dataset import ImageDataset
    from cifarkit.datasets.info import DatasetInfo

_NAMED = 10


@dataclass(frozen=True)
class Matched:
    """Which classes of some data a network has.

    Attributes:
        labels: The network's label of each class of the data; -1 for none.
        notes: What does not match, in sentences.
    """

    labels: tuple[int, ...]
    notes: tuple[str, ...]


def match(network: tuple[str, ...], data: tuple[str, ...], title: str) -> Matched:
    """Match classes by name, or else whatever its case, spaces, dashes and underscores.

    Raises:
        InvalidInput: None match, or two classes of the data are one of the network's.
    """
    by_name = {name: label for label, name in enumerate(network)}
    loosely = {_loose(name): label for label, name in enumerate(network)}
    labels = tuple(by_name.get(name, loosely.get(_loose(name), -1)) for name in data)
    known = [label for label in labels if label >= 0]
    if not known:
        raise InvalidInput(
            f"--dataset: no class of {title} ({_some(list(data))}) is one of the network's "
            f"({_some(list(network))})"
        )
    if len(set(known)) < len(known):
        twice = [name for name, label in zip(data, labels, strict=True) if known.count(label) > 1]
        raise InvalidInput(f"--dataset: {_some(twice)} of {title} are one class of the network")
    notes = []
    pairs = [(name, label) for name, label in zip(data, labels, strict=True)]
    if others := [name for name, label in pairs if label < 0]:
        notes.append(
            f"{counted(len(others), 'class', 'classes')} of the data that the network does not "
            f"know, whose images are left out: {_some(others)}."
        )
    if respelled := [
        f"{name} as {network[n]}" for name, n in pairs if n >= 0 and name != network[n]
    ]:
        notes.append(f"Matched although spelled differently: {_some(respelled)}.")
    if absent := [name for label, name in enumerate(network) if label not in labels]:
        notes.append(
            f"{counted(len(absent), 'class', 'classes')} of the network without an image in the "
            f"data: {_some(absent)}."
        )
    return Matched(labels, tuple(notes))


def evaluated(origin: Origin, dataset: str) -> Scores:
    """The scores of a network on the test images of other data, or all of a folder without parts.

    Raises:
        InvalidInput: There is no such data, it has no class of the network, or the network cannot
            be loaded.
    """
    facts = registry.facts(dataset)
    names = loading.class_names_of(origin)
    matched = match(names, facts.class_names, facts.title)
    model = loading.load(origin)
    loaded = registry.load(dataset, image_size=max(model.native_size))
    images, labels, part = _images(loaded, facts, loading.fingerprint_of(origin))
    known = np.asarray(matched.labels)[labels]
    kept = np.flatnonzero(known >= 0)
    with counting("Classifying", len(kept)) as tell:
        found = model.predict((images[row] for row in kept), on_batch=tell)
    title = f"{model.title} ({model.trial_id}) on {part} {plain(facts.title)}"
    notes = [*matched.notes, *(f"{note}." for note in loaded.notes)]
    return of_predictions(
        Predictions(
            labels=known[kept].astype(np.int64),
            predictions=found.labels,
            probabilities=found.probabilities,
            validation=None,
            class_names=model.class_names,
            notes=tuple(notes),
            source=title,
        ),
        f"trial-{model.trial_id}-on-other-data",
    )


def _images(
    loaded: ImageDataset, facts: DatasetInfo, trained_on: str | None
) -> tuple[Any, npt.NDArray[np.int32], str]:
    """The images to evaluate on, their labels, and what they are."""
    if facts.fingerprint and facts.fingerprint == trained_on:
        return loaded.test_images, loaded.test_labels, "the test images of its own data,"
    folder = facts.location if facts.dataset == "folder" else None
    if folder and find_parts(Path(folder)).test is None:
        parts = [
            (loaded.train_images, loaded.train_labels),
            (loaded.test_images, loaded.test_labels),
        ]
        if loaded.validation_images is not None and loaded.validation_labels is not None:
            parts.append((loaded.validation_images, loaded.validation_labels))
        images = np.concatenate([images[:] for images, _ in parts])
        return images, np.concatenate([labels for _, labels in parts]), "all images of"
    return loaded.test_images, loaded.test_labels, "the test images of"


def _loose(name: str) -> str:
    return "".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(map(plain, names[:_NAMED])) + (f" and {more} more" if more > 0 else "")

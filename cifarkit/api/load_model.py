"""Loads a trained network from a store, or from an exported file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.api.existing_store import existing_store
from cifarkit.console import say
from cifarkit.errors import InvalidInput

if TYPE_CHECKING:
    from cifarkit.deploy.loading import Origin
    from cifarkit.deploy.model import LoadedModel

BEST = "best"


def load_model(
    model: str | os.PathLike[str] = BEST, store: str | os.PathLike[str] = "runs"
) -> LoadedModel:
    """Load a trained network, to predict with it.

    Args:
        model: A trial's id or its first letters; a study's name, for what it chose; `"best"`, the
            complete trial of the highest validation accuracy; or the path of what `export` wrote.
        store: The folder of results, for all but a path.

    Raises:
        InvalidInput: There is no such trial, study or file, its weights were not kept or are
            damaged, or a package is missing that runs the file.
    """
    from cifarkit.deploy import loading

    return loading.load(origin(os.fspath(model), store))


def origin(text: str, store: str | os.PathLike[str]) -> Origin:
    """The trial or path that a user means by a model, found without importing TensorFlow.

    Raises:
        InvalidInput: There is no such trial or study.
    """
    if not text:
        raise InvalidInput("MODEL: give a trial's id, a study's name, 'best' or a path")
    path = Path(text)
    if path.suffix or path.name != text or (path / "model.json").is_file():
        return path
    from cifarkit.reporting import trial_lookup

    found = trial_lookup.trial_or_study(existing_store(Path(store)), text)
    if found.of > 1:
        for line in trial_lookup.described(found):
            say(line)
    return found.record

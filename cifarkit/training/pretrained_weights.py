"""Downloads published weights once, before trials start.

`python -m cifarkit.training.pretrained_weights KEY NAME SIZE` downloads through Keras in a separate
process, so that the command itself does not import TensorFlow.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from cifarkit.atomic_write import partial_folder
from cifarkit.errors import InvalidInput
from cifarkit.locking import lock
from cifarkit.models.registry import get as get_backbone
from cifarkit.safe_path import child_environment
from cifarkit.specs import ModelSpec


def cache_folder() -> Path:
    """Where Keras keeps downloaded weights."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


def published_file(spec: ModelSpec) -> Path | None:
    """The file of published weights that a model starts from.

    None if it starts from no published weights, or if their file is not known (a package's network
    need not say).

    Raises:
        InvalidInput: The package that holds it is not installed or has another content.
    """
    facts = get_backbone(spec.model)
    weights = facts.published_weights.get(spec.weights)
    if weights is None:
        return None
    if weights.package:
        return weights.package.path()
    file = weights.file_for(spec.image_size, facts.native_size)
    return cache_folder() / file if file else None


def missing(models: Iterable[ModelSpec]) -> list[tuple[ModelSpec, Path]]:
    """Models whose published weights are missing from the cache, and their files, each once.

    Raises:
        InvalidInput: Weights of a package are not there as they should be.
    """
    wanted: dict[Path, ModelSpec] = {}
    distinct = {(spec.model, spec.weights, spec.image_size): spec for spec in models}
    for spec in distinct.values():
        try:
            file = published_file(spec)
        except InvalidInput as error:
            raise InvalidInput(f"--weights: {spec.weights} of {spec.model}: {error}") from None
        if file is not None and not file.exists():
            wanted.setdefault(file, spec)
    return [(spec, file) for file, spec in wanted.items()]


def fetch(models: Iterable[ModelSpec], say: Callable[[str], None]) -> None:
    """Check installed weights; download missing ones through Keras, which checks known hashes.

    A file appears in Keras' cache only when it is complete, even after a kill. Concurrent
    processes wait for the one that downloads.

    Args:
        models: The models to be trained.
        say: Called with a message before each download.

    Raises:
        InvalidInput: A download failed; the message names the file and the alternatives.
    """
    for spec, file in missing(models):
        which = f"the {_title(spec.weights)} weights of {spec.model}"
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            with lock(cache_folder() / ".cifarkit.lock"):
                if not file.exists():
                    say(f"Fetching {which} ({file.name}) ...")
                    _download(spec, file)
        except (OSError, _NotDownloaded) as error:
            raise InvalidInput(
                f"--weights: {which} are not in {cache_folder()} ({file.name}) "
                f"and could not be downloaded: {error}\n"
                f"put the file there, or train from random weights with --weights none"
            ) from None


def _title(weights: str) -> str:
    return "ImageNet" if weights == "imagenet" else weights


class _NotDownloaded(Exception):
    """The reason why Keras could not download a file."""


def _download(spec: ModelSpec, file: Path) -> None:
    partial = cache_folder() / ".cifarkit.part"
    arguments = [spec.model, spec.weights, str(spec.image_size)]
    with partial_folder(partial):
        done = subprocess.run(
            [sys.executable, "-m", "cifarkit.training.pretrained_weights", *arguments],
            env=child_environment({"KERAS_HOME": str(partial)}),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise _NotDownloaded((done.stderr.strip().splitlines() or ["no reason was given"])[-1])
        os.replace(partial / "models" / file.name, file)


if __name__ == "__main__":
    get_backbone(sys.argv[1]).build(
        weights=sys.argv[2], image_size=int(sys.argv[3]), outputs=None, dropout=0.0
    )

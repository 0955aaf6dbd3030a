"""Downloads published weights once, before trials start.

`python -m cifarkit.training.pretrained_weights KEY SIZE` downloads through Keras in a separate
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
from cifarkit.models.registry import imagenet_file
from cifarkit.safe_path import child_environment
from cifarkit.specs import ModelSpec


def cache_folder() -> Path:
    """Where Keras keeps downloaded weights."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


def missing(models: Iterable[ModelSpec]) -> list[tuple[str, int, str]]:
    """(backbone, image size, file) of the ImageNet weights missing from the cache."""
    wanted: dict[str, tuple[str, int, str]] = {}
    for spec in models:
        if spec.weights == "imagenet":
            file = imagenet_file(get_backbone(spec.model), spec.image_size)
            if file is not None and not (cache_folder() / file).exists():
                wanted.setdefault(file, (spec.model, spec.image_size, file))
    return list(wanted.values())


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
    models = list(models)
    for model in sorted({spec.model for spec in models if spec.weights == "imagenet"}):
        if package := get_backbone(model).weights_package:
            try:
                package.path()
            except InvalidInput as error:
                raise InvalidInput(f"--weights: imagenet of {model}: {error}") from None
    for key, size, file in missing(models):
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            with lock(cache_folder() / ".cifarkit.lock"):
                if not (cache_folder() / file).exists():
                    say(f"Fetching the ImageNet weights of {key} ({file}) ...")
                    _download(key, size, file)
        except (OSError, _NotDownloaded) as error:
            raise InvalidInput(
                f"--weights: the ImageNet weights of {key} are not in {cache_folder()} ({file}) "
                f"and could not be downloaded: {error}\n"
                f"put the file there, or train from random weights with --weights none"
            ) from None


class _NotDownloaded(Exception):
    """The reason why Keras could not download a file."""


def _download(key: str, size: int, file: str) -> None:
    partial = cache_folder() / ".cifarkit.part"
    with partial_folder(partial):
        done = subprocess.run(
            [sys.executable, "-m", "cifarkit.training.pretrained_weights", key, str(size)],
            env=child_environment({"KERAS_HOME": str(partial)}),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise _NotDownloaded((done.stderr.strip().splitlines() or ["no reason was given"])[-1])
        os.replace(partial / "models" / file, cache_folder() / file)


if __name__ == "__main__":
    get_backbone(sys.argv[1]).build(
        image_size=int(sys.argv[2]), weights="imagenet", outputs=None, dropout=0.0
    )

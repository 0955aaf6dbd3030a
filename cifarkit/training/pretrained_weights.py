"""Fetch published weights once, before trials start, and say clearly what is missing.

`python -m cifarkit.training.pretrained_weights KEY SIZE` lets Keras fetch in a process of its own,
so that the command, which needs no TensorFlow itself, does not import it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

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
    """(backbone, image size, file) of ImageNet weights that are not in the cache."""
    wanted: dict[str, tuple[str, int, str]] = {}
    for spec in models:
        if spec.weights == "imagenet":
            file = imagenet_file(get_backbone(spec.model), spec.image_size)
            if file is not None and not (cache_folder() / file).exists():
                wanted.setdefault(file, (spec.model, spec.image_size, file))
    return list(wanted.values())


def fetch(models: Iterable[ModelSpec], say: Callable[[str], None]) -> None:
    """Have Keras download what is missing; it checks the files that it knows a hash of.

    A file appears in Keras' cache only when it is complete, whatever was killed before. Processes
    that ask at once wait for the one that downloads.

    Args:
        models: What is going to be trained.
        say: Told of each download.

    Raises:
        InvalidInput: A file could not be had; the message names it and the ways on.
    """
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
    """Why Keras could not download a file."""


def _download(key: str, size: int, file: str) -> None:
    # Always the same name: under the lock, what is there was left by a process that was killed.
    beside = cache_folder() / ".cifarkit.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cifarkit.training.pretrained_weights", key, str(size)],
            env=child_environment({"KERAS_HOME": str(beside)}),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise _NotDownloaded((done.stderr.strip().splitlines() or ["no reason was given"])[-1])
        os.replace(beside / "models" / file, cache_folder() / file)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


if __name__ == "__main__":
    get_backbone(sys.argv[1]).build(
        image_size=int(sys.argv[2]), weights="imagenet", outputs=None, dropout=0.0
    )

"""Fetch published weights once, before trials start, and say clearly what is missing.

`python -m cifarkit.training.weights KEY:SIZE ...` fetches in a process of its own, so that the
command that needs no TensorFlow itself does not import it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from cifarkit.backbones.registry import get as get_backbone
from cifarkit.backbones.registry import imagenet_file
from cifarkit.errors import InvalidInput
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


def fetch(models: Iterable[ModelSpec]) -> None:
    """Have Keras download what is missing; it checks each file's hash.

    Raises:
        InvalidInput: A file could not be had; the message names it and the ways on.
    """
    for key, size, file in missing(models):
        command = [sys.executable, "-m", "cifarkit.training.weights", f"{key}:{size}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            (cache_folder() / file).unlink(missing_ok=True)
            cause = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
            raise InvalidInput(
                f"--weights: the ImageNet weights of {key} are not in {cache_folder()} ({file}) "
                f"and could not be downloaded: {cause}\n"
                f"put the file there, or train from random weights with --weights none"
            )


if __name__ == "__main__":
    from filelock import FileLock

    cache_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_folder() / ".cifarkit.lock"):
        for argument in sys.argv[1:]:
            key, _, size = argument.partition(":")
            get_backbone(key).build(
                image_size=int(size), weights="imagenet", outputs=None, dropout=0.0
            )

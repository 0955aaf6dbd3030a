"""Downloads published weights once, before trials start.

`python -m cifarkit.training.pretrained_weights KEY NAME SIZE` downloads through Keras in a separate
process, so that the command itself does not import TensorFlow.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from cifarkit.atomic_write import partial_folder
from cifarkit.errors import InvalidInput
from cifarkit.locking import lock
from cifarkit.models import hub
from cifarkit.models.hub_presets import PREFIX
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
    if weights.path:
        return Path(weights.path)
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
        if spec.model.startswith(PREFIX):
            preset = hub.find(spec.model)
            absent = preset.missing(weights=spec.weights == hub.WEIGHT_SET)
            wanted |= {preset.folder / name: spec for name in absent[:1]}
            continue
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
        if spec.model.startswith(PREFIX):
            _fetch_preset(spec, say)
            continue
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


def _fetch_preset(spec: ModelSpec, say: Callable[[str], None]) -> None:
    preset = hub.find(spec.model)
    weights = spec.weights == hub.WEIGHT_SET
    try:
        preset.folder.parent.mkdir(parents=True, exist_ok=True)
        with lock(preset.folder.parent / ".cifarkit.lock"):
            if preset.missing(weights=weights):
                say(f"Fetching {spec.model} from Kaggle ...")
                _run([spec.model, "preset" if weights else "none", "0"], {})
    except (OSError, _NotDownloaded) as error:
        raise InvalidInput(
            f"model: {spec.model} is not in {preset.folder} and could not be downloaded: {error}\n"
            "put a preset that save_to_preset wrote elsewhere in --models as hub:FOLDER"
        ) from None


class _NotDownloaded(Exception):
    """The reason why a file could not be downloaded."""


def _download(spec: ModelSpec, file: Path) -> None:
    partial = cache_folder() / ".cifarkit.part"
    arguments = [spec.model, spec.weights, str(spec.image_size)]
    with partial_folder(partial):
        _run(arguments, {"KERAS_HOME": str(partial)})
        os.replace(partial / "models" / file.name, file)


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cifarkit.training.pretrained_weights", *arguments],
        env=child_environment(environment),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise _NotDownloaded((done.stderr.strip().splitlines() or ["no reason was given"])[-1])


if __name__ == "__main__":
    if sys.argv[1].startswith(PREFIX):
        hub.download(sys.argv[1], weights=sys.argv[2] != "none")
    else:
        get_backbone(sys.argv[1]).build(
            weights=sys.argv[2], image_size=int(sys.argv[3]), outputs=None, dropout=0.0
        )

"""Networks from KerasHub: a preset of its registry, or a folder that `save_to_preset` wrote.

Facts are read from the preset's own files, `config.json` and `image_converter.json`, once they are
there, and until then from the registry. Nothing here imports KerasHub or TensorFlow.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cifarkit.digests import json_digest
from cifarkit.errors import CifarkitError, InvalidInput, unknown
from cifarkit.models import hub_build
from cifarkit.models.hub_presets import (
    FAMILIES,
    NO_HUB,
    PREFIX,
    SMALLEST_SIZE,
    Entry,
    Family,
    entries,
    installed,
)
from cifarkit.models.info import Backbone, Rescale
from cifarkit.models.weight_sets import WeightSet
from cifarkit.models.weights_file import file_sha256

CONFIG, CONVERTER = "config.json", "image_converter.json"
WEIGHTS, SHARDS = "model.weights.h5", "model.weights.json"
WEIGHT_SET = "preset"
"""The name of the weights of a preset of the registry."""
_FAMILY = {family.backbone: family for family in FAMILIES}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A preset, which may not have been downloaded.

    Attributes:
        key: `hub:` and its name, or the absolute path of its folder.
        entry: Of the registry; None for a folder of the user's.
        folder: Where its files are, or will be.
    """

    key: str
    entry: Entry | None
    folder: Path

    def missing(self, *, weights: bool) -> list[str]:
        """The files that are still to be downloaded."""
        names = [CONFIG, CONVERTER]
        if weights:
            names += self.weight_files() or [WEIGHTS]
        return [name for name in names if not self._has(name)]

    def weight_files(self) -> list[str]:
        """The files of its weights that are there, that to be loaded first."""
        if self._has(WEIGHTS):
            return [WEIGHTS]
        if not self._has(SHARDS):
            return []
        return [SHARDS, *shards((self.folder / SHARDS).read_text(encoding="utf-8"))]

    def _has(self, name: str) -> bool:
        """Whether a file is there, whole: kagglehub marks what it has downloaded completely."""
        if not (self.folder / name).is_file():
            return False
        if self.entry is None:
            return True
        whole = self.folder.with_name(f"{self.folder.name}.complete")
        marker = self.folder.parent / ".complete" / self.folder.name / f"{name}.complete"
        return whole.exists() or marker.exists()

    def config(self) -> dict[str, Any]:
        """The configuration of its backbone, or of the part for images; with its `class_name`.

        Raises:
            InvalidInput: It is no image backbone that is known here.
        """
        whole = _read(self.folder / CONFIG, self.key)
        name = whole.get("class_name")
        if name not in _FAMILY:
            raise InvalidInput(
                f"model: {self.key}: {self.folder / CONFIG} is of a {name!r}, not of an image "
                f"backbone of KerasHub that is known here: {', '.join(sorted(_FAMILY))}"
            )
        part = whole["config"].get("vision_encoder")
        return {**(part["config"] if part else whole["config"]), "class_name": name}

    def rescale(self) -> Rescale:
        """What its image converter does to RGB images in 0..255, resizing apart."""
        return _rescale(_read(self.folder / CONVERTER, self.key)["config"])


def shards(index: str) -> list[str]:
    """The names of the files that the text of a `model.weights.json` refers to."""
    names: set[str] = set()
    for value in json.loads(index)["weight_map"].values():
        names.update([value] if isinstance(value, str) else value)
    return sorted(names)


def find(key: str) -> Preset:
    """The preset of a key, `hub:NAME` or `hub:FOLDER`.

    Raises:
        InvalidInput: KerasHub is not installed, or there is no such preset.
    """
    name = key.removeprefix(PREFIX)
    if not installed():
        raise InvalidInput(f"model: {key}: {NO_HUB}")
    if os.sep in name or "/" in name:
        folder = Path(name).expanduser().absolute()
        if not (folder / CONFIG).is_file():
            raise InvalidInput(
                f"model: {key}: there is no {folder / CONFIG}; a preset's folder is what "
                "save_to_preset writes"
            )
        if not (folder / CONVERTER).is_file():
            raise InvalidInput(
                f"model: {key}: there is no {folder / CONVERTER}, so its preprocessing is not "
                "known; save it with save_to_preset of its image converter"
            )
        return Preset(key=f"{PREFIX}{folder}", entry=None, folder=folder)
    if name not in entries():
        raise InvalidInput(
            f"model: {unknown('KerasHub preset', name, entries())}; "
            "`cifarkit zoo --list --hub` shows them, and hub:FOLDER takes a saved one"
        )
    entry = entries()[name]
    if entry.stands_for != name:
        raise InvalidInput(
            f"model: {key}: KerasHub's registry gives it the files of {entry.stands_for}; "
            f"name {PREFIX}{entry.stands_for} if you want those"
        )
    cache = os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub"
    folder = Path(cache).absolute() / "models" / entry.handle
    return Preset(key=key, entry=entry, folder=folder)


def backbone(key: str) -> Backbone:
    """The facts of a network from KerasHub.

    Raises:
        InvalidInput: As `find`; or a file of the preset cannot be used.
    """
    preset = find(key)
    files = [preset.folder / name for name in (CONFIG, CONVERTER)]
    stamps = tuple(
        _stamp(file) for file in [*files, *map(preset.folder.joinpath, preset.weight_files())]
    )
    return _backbone(preset, stamps)


@lru_cache(maxsize=64)
def _backbone(preset: Preset, _: tuple[Any, ...]) -> Backbone:
    """Read again when a file has changed."""
    here = not preset.missing(weights=False)
    config = preset.config() if here else {}
    family = _FAMILY[config["class_name"]] if preset.entry is None else preset.entry.family
    native = _native_size(preset, family, config)
    step = int(_first(config.get("patch_size", family.patch))) if family.sizes == "patches" else 1
    smallest = {"one": native, "patches": step, "any": SMALLEST_SIZE}[family.sizes]
    files = tuple(str(preset.folder / name) for name in (CONFIG, CONVERTER))
    return Backbone(
        key=preset.key,
        name=preset.entry.name if preset.entry else preset.folder.name,
        family=family.name,
        paper=family.paper,
        build=partial(_build, preset),
        preprocessing=preset.rescale() if here else "none",
        min_size=min(smallest, native),
        max_size=native if family.sizes == "one" else None,
        size_step=step,
        native_size=native,
        features=_features(config),
        weight_sets=(_weight_set(preset),),
        uses_batchnorm=family.batchnorm,
        pooling="class_token" if _has_class_token(family, config) else "average",
        blocks=hub_build.blocks if family.sizes != "any" else None,
        files=files,
    )


def download(key: str, *, weights: bool) -> None:
    """Download a preset of the registry from Kaggle into kagglehub's cache.

    Raises:
        Exception: From kagglehub, as the connection and Kaggle have it.
    """
    from kagglehub import model_download
    from kagglehub.exceptions import KaggleApiHTTPError

    entry = find(key).entry
    assert entry is not None, "a folder is not downloaded"
    for name in (CONFIG, CONVERTER):
        model_download(entry.handle, name)
    if not weights:
        return
    try:
        model_download(entry.handle, WEIGHTS)
    except KaggleApiHTTPError as error:
        if error.response is None or error.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        index = Path(model_download(entry.handle, SHARDS))
        for name in shards(index.read_text(encoding="utf-8")):
            model_download(entry.handle, name)


def _build(
    preset: Preset, *, image_size: int, weights: str | None, outputs: int, dropout: float
) -> Any:
    """See `Backbone.build`.

    Raises:
        CifarkitError: The preset has not been downloaded.
    """
    if missing := preset.missing(weights=weights is not None):
        raise CifarkitError(f"{preset.key}: {preset.folder / missing[0]} is not there")
    return hub_build.build(
        preset.folder, preset.config(), image_size=image_size, load_weights=weights is not None
    )


def _native_size(preset: Preset, family: Family, config: Mapping[str, Any]) -> int:
    """In pixels; of a network that takes any size, what its image converter resizes to."""
    side = _first(config.get("image_shape") or config.get("input_shape") or (None,))
    if side is None and config:
        converter = _read(preset.folder / CONVERTER, preset.key)["config"]
        side = _first(converter.get("image_size") or (None,))
    if side is None:
        side = preset.entry.native_size if preset.entry else family.native_size
    return int(side)


def _features(config: Mapping[str, Any]) -> int:
    """The width of its features; 0 where the configuration does not say it."""
    match config.get("class_name"):
        case "SwinTransformerBackbone":
            return int(config["embed_dim"] * 2 ** (len(config["depths"]) - 1))
        case "MiTBackbone":
            return int(config["hidden_dims"][-1])
    return int(config.get("hidden_dim") or config.get("num_features") or 0)


def _has_class_token(family: Family, config: Mapping[str, Any]) -> bool:
    return family.class_token and bool(config.get("use_class_token", True))


def _weight_set(preset: Preset) -> WeightSet:
    if preset.entry is not None:
        file = (preset.weight_files() or [WEIGHTS])[0]
        return WeightSet(
            name=WEIGHT_SET,
            source=preset.entry.source,
            licence=preset.entry.licence,
            path=str(preset.folder / file),
            input_range=_UNKNOWN_RANGE if preset.missing(weights=False) else "",
        )
    files = preset.weight_files()
    if not files:
        raise InvalidInput(f"model: {preset.key}: there is neither {WEIGHTS} nor {SHARDS} in it")
    # The folder's content may change under its path, so that its name has to tell.
    content = [(name, file_sha256(preset.folder / name)) for name in (CONFIG, CONVERTER, *files)]
    return WeightSet(
        name=f"{WEIGHT_SET}-{json_digest(content, digits=12)}",
        source=str(preset.folder),
        path=str(preset.folder / files[0]),
    )


_UNKNOWN_RANGE = "known once it is downloaded"


def _read(file: Path, key: str) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found.get("config"), dict):
            raise ValueError("it has no `config`")
        return dict(found)
    except (OSError, ValueError, AttributeError) as error:
        raise InvalidInput(f"model: {key}: {file} cannot be used: {error}") from None


def _rescale(config: Mapping[str, Any]) -> Rescale:
    """As `keras_hub.layers.ImageConverter` reads its configuration, also the earlier form."""
    if "mean" in config and "variance" in config:
        deviations = [math.sqrt(variance) for variance in config["variance"]]
        means = zip(config["mean"], deviations, strict=True)
        scale = tuple(config["scale"] / deviation for deviation in deviations)
        return Rescale(scale=scale, offset=tuple(-mean / deviation for mean, deviation in means))
    return Rescale(scale=_three(config.get("scale"), 1.0), offset=_three(config.get("offset"), 0.0))


def _three(value: Any, otherwise: float) -> tuple[float, ...]:
    if value is None:
        return (otherwise,) * 3
    if isinstance(value, int | float):
        return (float(value),) * 3
    return tuple(map(float, value))


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) else value


def _stamp(file: Path) -> tuple[str, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return file.name, status.st_size, status.st_mtime_ns

"""Weights are those that the record names: a plug-in's own sets, and files known by content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.models.registry import get, registry
from cifarkit.models.weight_sets import WeightSet
from cifarkit.specs import ModelSpec
from cifarkit.studies.completion import trial_spec
from cifarkit.training.model_builder import build
from tests.cli.command import in_a_process
from tests.models.plugin import install

SMALL = ("--dataset", "synthetic", "--classes", "3", "--train-per-class", "10", "--epochs", "1",
         "--keep-weights", "all", "--unfreeze", "0")  # fmt: skip


def test_a_plugins_own_weights_are_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in install(tmp_path / "site").items():
        monkeypatch.setenv(name, value)
    in_a_process("sweep", "weights", "imagenet", "advprop", "--model", "tiny",
             "--runs", tmp_path / "runs", *SMALL)  # fmt: skip
    offsets = {}
    for folder in (tmp_path / "runs" / "trials").iterdir():
        result = json.loads((folder / "result.json").read_text())
        assert result["loaded_share"] == 1
        assert result["loaded_sha256"] == ""
        assert "the package of tiny does not name it: no hash" in " ".join(result["notes"])
        with h5py.File(folder / "model.weights.h5") as file:
            bias = file["layers/functional/layers/conv2d/vars/1"][()]
        weights = json.loads((folder / "spec.json").read_text())["model"]["weights"]
        offsets[weights] = set(bias.tolist())
    assert offsets == {"imagenet": {8.0}, "advprop": {7.0}}


def test_weights_that_a_plugin_does_not_load_fail_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in install(tmp_path / "site", load="pass").items():
        monkeypatch.setenv(name, value)
    done = in_a_process("sweep", "weights", "none", "advprop", "--model", "tiny",
                    "--runs", tmp_path / "runs", *SMALL, code=1)  # fmt: skip
    assert "loading advprop changed none of the 4 weight tensors of tiny" in done.stdout
    assert "1 of 2 trials did not complete" in done.stderr


def test_a_digest_without_its_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"sha256:0123.*give the path of the \.weights\.h5 file"):
        trial_spec(model="resnet8", weights="sha256:0123456789abcdef")


def test_a_stored_digest_without_its_file_is_read_but_not_built() -> None:
    stored = ModelSpec(model="resnet8", weights="none", image_size=32).model_dump()
    spec = ModelSpec.model_validate(stored | {"weights": "sha256:0123456789abcdef"})
    with pytest.raises(CifarkitError, match="the file with that content is not known"):
        build(spec, (32, 32))


def test_a_file_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "donor.weights.h5"
    bare = ModelSpec(model="resnet8", weights="none", image_size=32, head_outputs=3)
    backbone = build(bare, (32, 32)).backbone
    backbone.save_weights(path)
    spec = trial_spec(model="resnet8", weights=str(path), dataset="synthetic", classes=3).model
    # Only kernels start at random: the donor's other tensors are what every network starts with.
    kernels = sum(len(weight.shape) == 4 for weight in backbone.weights)
    built = build(spec, (32, 32))
    assert built.loaded_share == kernels / len(backbone.weights)
    assert built.loaded_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    backbone.set_weights([np.array(w) + 1 for w in backbone.get_weights()])
    backbone.save_weights(path)
    with pytest.raises(CifarkitError, match="its content is no longer sha256:"):
        build(spec, (32, 32))


def test_a_plugins_set_with_a_file_and_a_hash_is_held_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = tmp_path / "models" / "resnet8_own.weights.h5"
    file.parent.mkdir()
    donor = get("resnet8")

    def load(*, image_size: int, weights: str | None, outputs: int, dropout: float) -> Any:
        model = donor.build(image_size=image_size, weights=None, outputs=outputs, dropout=dropout)
        if weights:
            model.load_weights(file)
        return model

    random = load(image_size=32, weights=None, outputs=3, dropout=0.0)
    random.set_weights([w + 1 for w in random.get_weights()])
    random.save_weights(file)
    content = hashlib.sha256(file.read_bytes()).hexdigest()
    for sha256 in (content, "0" * 64):
        known = WeightSet(name="own", file=file.name, sha256=sha256)
        plugin = replace(donor, key="mine", build=load, weight_sets=(known,), includes_head=True)
        monkeypatch.setitem(registry(), "mine", plugin)
        spec = ModelSpec(model="mine", weights="own", image_size=32, head_outputs=3)
        if sha256 == content:
            built = build(spec, (32, 32))
            assert (built.loaded_file, built.loaded_sha256) == (file.name, content)
        else:
            with pytest.raises(CifarkitError, match=f"own cannot .* is {content[:16]}..., not 000"):
                build(spec, (32, 32))

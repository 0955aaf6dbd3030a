"""Weights are those that the record names: a plug-in's own sets, and files known by content."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.specs import ModelSpec
from cifarkit.studies.completion import trial_spec
from cifarkit.training.model_builder import build
from tests.cli.command import cifarkit
from tests.models.plugin import install

SMALL = ("--dataset", "synthetic", "--classes", "3", "--train-per-class", "10", "--epochs", "1",
         "--keep-weights", "best", "--unfreeze", "0")  # fmt: skip


def test_a_plugins_own_weights_are_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in install(tmp_path / "site").items():
        monkeypatch.setenv(name, value)
    cifarkit("sweep", "weights", "imagenet", "advprop", "--model", "tiny",
             "--runs", tmp_path / "runs", *SMALL)  # fmt: skip
    offsets = {}
    for folder in (tmp_path / "runs" / "trials").iterdir():
        assert json.loads((folder / "result.json").read_text())["loaded_share"] == 1
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
    done = cifarkit("sweep", "weights", "none", "advprop", "--model", "tiny",
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
    assert build(spec, (32, 32)).loaded_share == kernels / len(backbone.weights)
    backbone.set_weights([np.array(w) + 1 for w in backbone.get_weights()])
    backbone.save_weights(path)
    with pytest.raises(CifarkitError, match="its content is no longer sha256:"):
        build(spec, (32, 32))

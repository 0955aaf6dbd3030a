"""Weight files by strangers: refused with the reason, nothing outside of them is read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.specs import ModelSpec
from cifarkit.studies.completion import trial_spec
from cifarkit.training.model_builder import build

NAME = "layers/batch_normalization/vars/0"
SHAPE = (16,)


def spec(weights: str) -> ModelSpec:
    return trial_spec(model="resnet8", weights=weights, dataset="cifar10").model


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    build(spec("none"), (32, 32)).backbone.save_weights(folder / "sound.weights.h5")
    with h5py.File(folder / "secret.h5", "w") as file:
        file["x"] = np.ones(SHAPE, np.float32)
    np.ones(SHAPE, np.float32).tofile(folder / "secret.bin")
    return folder / "sound.weights.h5"


def external_link(file: h5py.File, folder: Path) -> None:
    file[NAME] = h5py.ExternalLink(str(folder / "secret.h5"), "x")


def soft_link(file: h5py.File, folder: Path) -> None:
    file[NAME] = h5py.SoftLink("/layers")


def external_data(file: h5py.File, folder: Path) -> None:
    file.create_dataset(NAME, SHAPE, "f4", external=[(str(folder / "secret.bin"), 0, 64)])


def virtual_data(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[...] = h5py.VirtualSource(str(folder / "secret.h5"), "x", shape=SHAPE)
    file.create_virtual_dataset(NAME, layout)


def other_shape(file: h5py.File, folder: Path) -> None:
    file[NAME] = np.zeros((2, 2), np.float32)


def text(file: h5py.File, folder: Path) -> None:
    file[NAME] = "text"


def bomb(file: h5py.File, folder: Path) -> None:
    file.create_dataset(NAME, (10**6, 10**6), "f4", chunks=(1000, 1000), compression="gzip")


def missing(file: h5py.File, folder: Path) -> None:
    """Nothing in its place."""


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (external_link, "ExternalLink"),
        (soft_link, "SoftLink"),
        (external_data, "external"),
        (virtual_data, "virtual"),
        (other_shape, "shape"),
        (text, "text"),
        (bomb, "Not allowed"),
        (missing, "expected 4 variables"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(
    sound: Path, tmp_path: Path, put: Callable[[Any, Path], None], reason: str
) -> None:
    path = tmp_path / "changed.weights.h5"
    shutil.copy(sound, path)
    with h5py.File(path, "a") as file:
        assert file[NAME].shape == SHAPE
        del file[NAME]
        put(file, sound.parent)
    with pytest.raises(CifarkitError) as refused:
        build(spec(str(path)), (32, 32))
    message = str(refused.value)
    assert "changed.weights.h5 cannot be used for resnet8" in message
    assert reason in message
    assert "\n" not in message


def test_a_truncated_file_is_refused(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "torn.weights.h5"
    path.write_bytes(sound.read_bytes()[:5000])
    with pytest.raises(CifarkitError, match="truncated"):
        build(spec(str(path)), (32, 32))


@pytest.mark.parametrize("content", [b"", b"\x80\x04cos\nsystem\n", b"PK\x03\x04", b"\x89HDF"])
def test_what_is_no_hdf5_is_refused_when_the_spec_is_made(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.weights.h5"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="is not an HDF5 file"):
        spec(str(path))

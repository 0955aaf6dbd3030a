"""Saved predictions are read without trust: what does not fit is one clear refusal."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.reporting.evaluation_scores import of_file, of_trial
from cifarkit.store import predictions
from tests.reporting.evaluated_trials import arrays, save, trial
from tests.reporting.fabricate import Fabricator


def changed(**changes: Any) -> dict[str, Any]:
    return {k: v for k, v in (arrays() | changes).items() if v is not None}


def test_what_a_trial_saves_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    save(path, arrays())
    read = predictions.read(path)
    assert read.labels.tolist() == arrays()["labels"].tolist()
    assert read.probabilities.shape == (40, 6)
    assert read.validation is not None
    assert read.validation[1].tolist() == [0, 1, 2, 3, 1]


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (changed(labels=None), "lacks labels; it holds predictions, prob"),
        (changed(predictions=None, probabilities=None), "no predictions, probabilities or logits"),
        (changed(labels=np.array([{}] * 40, object)), "not a readable predictions file"),
        (changed(labels=np.zeros((40, 1), np.int32)), r"labels must be integers .* \(40, 1\)"),
        (changed(labels=np.zeros(40)), "labels must be integers .* float64"),
        (changed(labels=np.zeros(0, np.int32)), r"n > 0, got int32 \(0,\)"),
        (changed(labels=np.full(40, -1)), r"labels must be from 0, got -1"),
        (changed(labels=np.full(40, 2**63, np.uint64)), "labels must be from 0"),
        (changed(labels=np.full(40, 6)), "label 6 has no column among 6 outputs"),
        (changed(predictions=np.full(40, 6)), "prediction 6 has no column among 6 outputs"),
        (changed(predictions=np.zeros(39, int)), "40 labels, but 39 predictions"),
        (changed(probabilities=np.zeros((39, 6))), r"shape \(40, outputs\), got float64 \(39, 6\)"),
        (changed(probabilities=np.zeros((40, 6), int)), "must be floating point"),
        (changed(probabilities=np.full((40, 6), np.nan)), r"expected 0\.\.1"),
        (changed(probabilities=np.full((40, 6), 7.0)), r"expected 0\.\.1, got 7"),
        (changed(probabilities=np.zeros((40, 0))), "no column among 0 outputs"),
        (changed(probabilities=np.zeros((40, 6000), np.float16)), "6,000 outputs; networks of up"),
        (changed(validation_labels=np.zeros(4, int)), "4 labels, but 5 validation predictions"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, saved: dict[str, Any], message: str
) -> None:
    path = tmp_path / "p.npz"
    save(path, saved)
    with pytest.raises(InvalidInput, match=message) as refusal:
        of_file(path)
    assert str(path) in str(refusal.value)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    save(path, arrays())
    whole = path.read_bytes()
    for content in (b"", b"no zip", whole[: len(whole) // 2], whole[:100] + b"#" + whole[101:]):
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match="not a readable predictions file"):
            predictions.read(path)
    with pytest.raises(InvalidInput, match="there is no file"):
        predictions.read(tmp_path / "other.npz")
    with pytest.raises(InvalidInput, match="there is no file"):
        predictions.read(tmp_path)


def test_a_file_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    save(path, arrays())
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("more.npy", "w") as stream,
    ):
        for _ in range(predictions.MOST_MB):
            stream.write(bytes(2**20))
    with pytest.raises(InvalidInput, match="unpacked it would take 512 MB"):
        predictions.read(path)


def test_a_header_that_claims_more_than_there_is_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    header = b"{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000000000,), }"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(path, "w") as packed:
        for name in ("labels", "predictions", "probabilities"):
            packed.writestr(f"{name}.npy", content)
    with pytest.raises(InvalidInput, match="not a readable predictions file"):
        predictions.read(path)


def test_predictions_of_other_images_are_not_the_trials(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    made = trial(fabricator)
    path = fabricator.store.folder(made) / "predictions.npz"
    save(path, {name: values[:39] for name, values in arrays().items()})
    with pytest.raises(InvalidInput, match="is of 39 images, but the trial was tested on 40"):
        of_trial(fabricator.store.read(made))
    save(path, changed(labels=np.full(40, 5)))
    with pytest.raises(InvalidInput, match="label 5 is not one of 4 classes"):
        of_trial(fabricator.store.read(made))
    path.unlink()
    with pytest.raises(InvalidInput, match="there is no file"):
        of_trial(fabricator.store.read(made))

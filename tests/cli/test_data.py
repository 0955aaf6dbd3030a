"""What a command says of the data that it is given, before and after training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarkit.store.earlier_fingerprints import identified_by_sizes
from cifarkit.store.store import Store
from cifarkit.studies.completion import trial_spec
from cifarkit.training.trial import load_splits
from tests.cli.command import cifarkit, in_a_process
from tests.datasets.digits import make_digits


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFARKIT_CACHE", str(tmp_path / "cache"))


def replaced(file: Path) -> None:
    """Other pixels in a file of the same size."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 255
    file.write_bytes(content)


class TestOtherBytes:
    def folder(self, root: Path) -> Path:
        for name in ("a", "b"):
            (root / name).mkdir(parents=True)
            for number in range(10):
                pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(root / name / f"{number}.bmp")
        return root

    def test_a_folder(self, tmp_path: Path) -> None:
        root = self.folder(tmp_path / "images")
        planned = trial_spec(model="lenet", dataset=str(root))
        load_splits(planned)
        replaced(root / "a" / "3.bmp")
        assert trial_spec(model="lenet", dataset=str(root)).trial_id != planned.trial_id
        with pytest.raises(ValueError, match="no longer those that this trial was planned with"):
            load_splits(planned)

    def test_an_npz(self, tmp_path: Path) -> None:
        file = tmp_path / "d.npz"
        images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
        np.savez(file, x_train=images, y_train=np.arange(20) % 2)
        planned = trial_spec(model="lenet", dataset=str(file))
        np.savez_compressed(file, x_train=images, y_train=np.arange(20) % 2)
        load_splits(planned)
        np.savez(file, x_train=images[::-1], y_train=np.arange(20) % 2)
        with pytest.raises(ValueError, match="no longer those"):
            load_splits(planned)


def test_a_trial_whose_data_was_identified_by_sizes_is_not_taken_for_done(tmp_path: Path) -> None:
    root = make_digits(tmp_path, per_class=5)
    store = Store(tmp_path / "runs")
    spec = trial_spec(model="lenet", dataset=str(root))
    data = spec.data.model_copy(update={"fingerprint": "sha256:0123456789abcdef"})
    store.add(spec.model_copy(update={"data": data}))
    store.add(trial_spec(model="lenet", dataset="synthetic"))
    assert identified_by_sizes([spec], store) == 1
    assert identified_by_sizes([trial_spec(model="resnet20", dataset=str(root))], store) == 0
    shown = cifarkit(
        "zoo", "--dataset", root, "--models", "lenet", "--runs", store.root, "--dry-run"
    )
    assert "1 earlier trial identified this data by names and sizes only" in shown.stderr


def test_damaged_and_repeated_images_are_named_in_result_and_report(tmp_path: Path) -> None:
    root = make_digits(tmp_path)
    repeated = (root / "train" / "3" / "0023.png").read_bytes()
    (root / "test" / "3" / "again.png").write_bytes(repeated)
    (root / "train" / "5" / "again.png").write_bytes(repeated)
    (bad,) = (root / "train" / "3").glob("0013.png")
    bad.write_bytes(bad.read_bytes()[:60])
    zoo = ("zoo", "--dataset", root, "--models", "lenet", "--runs", tmp_path / "runs")
    zoo = (*zoo, "--epochs", "1")
    note = "left out since they cannot be decoded, 1 of 1,799 images of digits: train/3/0013.png: "
    assert cifarkit(*zoo, "--dry-run").stderr.count(note) == 1
    refused = cifarkit(*zoo, "--strict", code=2).stderr
    assert "--strict: images of digits that cannot be decoded (1): train/3/0013.png" in refused
    assert not (tmp_path / "runs").exists()
    assert note in in_a_process(*zoo).stderr  # a process says it once
    (record,) = Store(tmp_path / "runs").records()
    assert record.result is not None
    assert any(text.startswith(note) for text in record.result.notes)
    result = record.result
    assert result.train_images + result.validation_images + result.test_images == 1798
    found = result.duplicates
    assert found is not None
    # The two of class 3 may lie in the training and the validation part.
    assert (found.test_images, found.two_labels) == (1, 1)
    assert found.accuracy_without is not None
    left = result.test_images - 1
    its_own = result.accuracy.test * (left + 1) - found.accuracy_without * left
    assert min(abs(its_own), abs(its_own - 1)) < 1e-3  # wrong or right
    report = cifarkit("report", "--runs", tmp_path / "runs").stdout
    assert "test images that are training or validation images too" in report
    assert "left out since they cannot be decoded" in report

"""Fashion-MNIST and MNIST's format: files as published, damaged ones, and the real ones."""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cifarkit.datasets import idx_files, registry
from cifarkit.errors import InvalidInput

REAL = all(idx_files.file_in(idx_files.SYSTEM_FOLDER, name) for name in idx_files.FASHION_MNIST)
REAL_FOLDER = idx_files.SYSTEM_FOLDER
TRAIN, TRAIN_LABELS, TEST, TEST_LABELS = idx_files.FASHION_MNIST


def idx(array: np.ndarray) -> bytes:
    """An array of bytes as MNIST's page describes the format."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def contents(train: int = 30, test: int = 10, side: int = 28, first: int = 0) -> dict[str, bytes]:
    """Four files of ten classes, called `first` and up."""
    rng = np.random.default_rng(3)
    found = {}
    for part, count in (("train", train), ("t10k", test)):
        images = rng.integers(0, 256, (count, side, side))
        found[f"{part}-images-idx3-ubyte"] = idx(images)
        found[f"{part}-labels-idx1-ubyte"] = idx(first + np.arange(count) % 10)
    return found


def write(folder: Path, files: dict[str, bytes], packed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.fixture(autouse=True)
def no_system_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx_files, "SYSTEM_FOLDER", tmp_path / "system")
    idx_files._checked.cache_clear()


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Small files that pass for the official ones."""
    import hashlib

    files = contents()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(idx_files, "FASHION_MNIST", digests)
    return files


@pytest.mark.parametrize("packed", [True, False])
def test_every_pixel_and_label_comes_through(tmp_path: Path, packed: bool) -> None:
    folder = write(tmp_path / "fashion", contents(), packed)
    data = registry.load("fashion-mnist", str(folder), image_size=96)
    rng = np.random.default_rng(3)
    for images, labels, count in (
        (data.train_images, data.train_labels, 30),
        (data.test_images, data.test_labels, 10),
    ):
        expected = rng.integers(0, 256, (count, 28, 28))
        assert images.shape == (count, 28, 28, 3)
        for channel in range(3):
            np.testing.assert_array_equal(images[..., channel], expected)
        np.testing.assert_array_equal(labels, np.arange(count) % 10)


def test_official_data_is_known_by_its_content_wherever_it_lies(
    tmp_path: Path, official: dict[str, bytes]
) -> None:
    facts = registry.facts("fashion-mnist", str(write(tmp_path / "mine", official)))
    assert (facts.title, facts.fingerprint) == ("Fashion-MNIST", None)
    assert facts.class_names == registry.facts("fashion-mnist").class_names
    assert registry.missing("fashion-mnist") is not None
    for place in (idx_files.SYSTEM_FOLDER, idx_files.keras_folder()):
        write(place, official)
        assert idx_files.locate(None) == place
        data = registry.load("fashion-mnist", image_size=32)
        assert (data.name, data.fingerprint) == ("Fashion-MNIST", None)
        assert data.class_names[0] == "T-shirt/top"


def test_other_data_is_never_taken_for_it(tmp_path: Path, official: dict[str, bytes]) -> None:
    """MNIST's own files have the same names."""
    folder = write(tmp_path / "letters", contents(train=31, first=1))
    facts = registry.facts("fashion-mnist", str(folder))
    assert facts.title == "letters (in the format of Fashion-MNIST, not its data)"
    assert facts.class_names == tuple(map(str, range(1, 11)))
    assert (facts.train_per_class, facts.train_in_largest_class) == (3, 4)
    data = registry.load("fashion-mnist", str(folder), image_size=32)
    assert data.fingerprint == facts.fingerprint
    assert str(facts.fingerprint).startswith("sha256:")
    unpacked = write(tmp_path / "unpacked", contents(train=31, first=1), packed=False)
    assert registry.facts("fashion-mnist", str(unpacked)).fingerprint == facts.fingerprint
    changed = write(tmp_path / "changed", contents(train=32, first=1))
    assert registry.facts("fashion-mnist", str(changed)).fingerprint != facts.fingerprint
    write(idx_files.keras_folder(), contents(train=31))
    assert "with the official content" in str(registry.missing("fashion-mnist"))


def test_its_reports_say_which_data_it_is(tmp_path: Path, official: dict[str, bytes]) -> None:
    from cifarkit.reporting.hyperparameters import dataset_name
    from cifarkit.studies.completion import trial_spec

    spec = trial_spec(model="lenet", dataset="fashion-mnist")
    assert dataset_name(spec.data) == "Fashion-MNIST"
    folder = write(tmp_path / "mnist", contents(train=31))
    other = trial_spec(model="lenet", dataset="fashion-mnist", location=str(folder))
    assert dataset_name(other.data) == "data in the format of Fashion-MNIST"
    assert other.trial_id != spec.trial_id


def _refusal(folder: Path) -> str:
    with pytest.raises(InvalidInput) as refused:
        registry.facts("fashion-mnist", str(folder))
    return str(refused.value)


WHOLE = contents()
DAMAGED = {
    "empty": (TRAIN, b"", "begins with nothing, expected 00000803"),
    "a text": (TRAIN, b"<html>not found</html>", "begins with 3c68746d"),
    "labels in place of images": (TRAIN, WHOLE[TRAIN_LABELS], "in 3 dimensions: it begins with"),
    "images in place of labels": (TEST_LABELS, WHOLE[TEST], "in 1 dimension: it begins with"),
    "floats": (TRAIN, b"\0\0\x0d\x03" + WHOLE[TRAIN][4:], "begins with 00000d03"),
    "cut in its header": (TRAIN, WHOLE[TRAIN][:9], "expected 00000803"),
    "cut in its images": (TRAIN, WHOLE[TRAIN][:-1], "announces 23,520 bytes, it has only 23,519"),
    "something behind its end": (TRAIN, WHOLE[TRAIN] + b"x", "it has more"),
    "no images": (TEST, idx(np.zeros((0, 28, 28))), "announces an array of 0 x 28 x 28"),
    "a huge array": (TRAIN, b"\0\0\x08\x03" + b"\xff" * 12, "at most 1024 MiB are read"),
    "too few labels": (TRAIN_LABELS, idx(np.zeros(29)), "has 30 images"),
    "a label only in the test part": (TEST_LABELS, idx(np.full(10, 11)), "with label 11"),
    "other sizes in the test part": (TEST, idx(np.zeros((10, 8, 8))), "all must have one size"),
}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_refused(tmp_path: Path, case: str, packed: bool) -> None:
    name, content, message = DAMAGED[case]
    assert message in _refusal(write(tmp_path / "data", WHOLE | {name: content}, packed))


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", WHOLE)
    path = folder / f"{TRAIN}.gz"
    whole = path.read_bytes()
    for content in (whole[:-9], whole[:-8] + b"\0" * 8, whole[:40] + b"\xff" * 40 + whole[80:]):
        path.write_bytes(content)
        assert "is damaged" in _refusal(folder)


def test_a_folder_without_the_files(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    (tmp_path / f"{TEST}.gz").unlink()
    message = _refusal(tmp_path)
    assert f"not all of its four files are in {tmp_path} (--data-dir)" in message
    assert "t10k-images-idx3-ubyte.gz" in message
    with pytest.raises(InvalidInput, match="--data-dir"):  # a place that is named is left alone
        registry.fetch("fashion-mnist", str(tmp_path))


class TestDownload:
    def network(self, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> list[str]:
        asked: list[str] = []

        def get_file(*, fname: str, origin: str, cache_dir: str, cache_subdir: str, **_: object):
            asked.append(origin)
            path = Path(cache_dir) / cache_subdir / fname
            path.write_bytes(gzip.compress(files[fname.removesuffix(".gz")]))
            return str(path)

        keras = SimpleNamespace(utils=SimpleNamespace(get_file=get_file))
        monkeypatch.setitem(sys.modules, "keras", keras)
        return asked

    def test_the_files_are_put_where_keras_would_look(
        self, monkeypatch: pytest.MonkeyPatch, official: dict[str, bytes]
    ) -> None:
        asked = self.network(monkeypatch, official)
        write(idx_files.keras_folder(), contents(train=31), packed=False)
        registry.fetch("fashion-mnist")
        assert registry.missing("fashion-mnist") is None
        assert asked == [f"{idx_files.URL}{name}.gz" for name in official]
        registry.fetch("fashion-mnist")
        assert len(asked) == 4
        left = {path.name for path in idx_files.keras_cache().iterdir()}
        assert left - {"fashion-mnist.lock"} == {"fashion-mnist"}

    def test_other_content_is_not_kept(
        self, monkeypatch: pytest.MonkeyPatch, official: dict[str, bytes]
    ) -> None:
        self.network(monkeypatch, contents(train=31))
        with pytest.raises(InvalidInput, match="another content than expected"):
            registry.fetch("fashion-mnist")
        assert not idx_files.keras_folder().exists()

    def test_the_address_is_that_of_the_installed_keras(self) -> None:
        import importlib.util

        keras = Path(str(importlib.util.find_spec("keras").origin)).parent  # type: ignore[union-attr]
        source = (keras / "src" / "datasets" / "fashion_mnist.py").read_text()
        assert f'"{idx_files.URL}"' in source
        assert all(f'"{name}.gz"' in source for name in idx_files.FASHION_MNIST)
        assert 'os.path.join("datasets", "fashion-mnist")' in source


@pytest.mark.skipif(not REAL, reason="Debian's package dataset-fashion-mnist is not installed")
def test_the_real_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean and standard deviation of its training pixels are published: 0.2860, 0.3530."""
    monkeypatch.setattr(idx_files, "SYSTEM_FOLDER", REAL_FOLDER)
    assert registry.missing("fashion-mnist") is None
    data = registry.load("fashion-mnist", image_size=32)
    assert data.fingerprint is None
    assert data.train_images.shape == (60_000, 28, 28, 3)
    assert np.bincount(data.train_labels).tolist() == [6000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert data.train_images[..., 0].mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert data.train_images[..., 0].std() / 255 == pytest.approx(0.3530, abs=5e-5)
    assert [data.class_names[label] for label in data.train_labels[:3]] == [
        "Ankle boot",
        "T-shirt/top",
        "T-shirt/top",
    ]

"""Arrays written a batch at a time: whole or not there, checked, and bounded together."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cifarkit.datasets import memmap_cache


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIFARKIT_CACHE", str(tmp_path))
    return tmp_path / "activations"


def write(entry: str, count: int = 10, seed: int = 0) -> list[np.ndarray]:
    """An entry of two arrays, in batches of three rows; 40 bytes a row."""
    rng = np.random.default_rng(seed)
    arrays = [
        rng.normal(size=(count, 2, 4)).astype(np.float32),
        rng.normal(size=(count, 4)).astype(np.float16),
    ]
    with memmap_cache.lock(entry):
        starts = range(0, count, 3)
        memmap_cache.write(entry, count, ([array[s : s + 3] for array in arrays] for s in starts))
    return arrays


def test_what_was_written_is_read() -> None:
    arrays = write("some")
    found = memmap_cache.read("some")
    assert found is not None
    for ours, theirs in zip(found, arrays, strict=True):
        assert (ours.shape, ours.dtype, len(ours)) == (theirs.shape, theirs.dtype, 10)
        np.testing.assert_array_equal(ours[:], theirs)
        np.testing.assert_array_equal(ours[2:5], theirs[2:5])
        np.testing.assert_array_equal(ours[np.array([1, 7])], theirs[[1, 7]])


def test_any_numpy_can_read_the_files(root: Path) -> None:
    arrays = write("some")
    np.testing.assert_array_equal(np.load(root / "some" / "0.npy"), arrays[0])


def test_an_absent_entry_is_none() -> None:
    assert memmap_cache.read("some") is None


def test_a_failure_in_the_middle_leaves_nothing(root: Path) -> None:
    def failing() -> Iterator[list[np.ndarray]]:
        yield [np.zeros((3, 2))]
        raise OSError("no space left on the device")

    with memmap_cache.lock("some"), pytest.raises(OSError, match="no space"):
        memmap_cache.write("some", 6, failing())
    assert memmap_cache.read("some") is None
    assert [path.name for path in root.iterdir() if path.is_dir()] == []


def test_a_dead_process_left_half_an_entry(root: Path) -> None:
    (root / "some.part").mkdir(parents=True)
    (root / "some.part" / "0.npy").write_bytes(b"half")
    arrays = write("some")
    found = memmap_cache.read("some")
    assert found is not None
    np.testing.assert_array_equal(found[0][:], arrays[0])


def age(root: Path, **seconds_ago: float) -> None:
    for name, seconds in seconds_ago.items():
        os.utime(root / name, (1e9 - seconds, 1e9 - seconds))


def test_the_entry_used_longest_ago_makes_room(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in ("old", "older", "new"):
        write(entry)
    age(root, older=300, old=200, new=100)
    size = sum(file.stat().st_size for file in (root / "new").iterdir())
    monkeypatch.setattr(memmap_cache, "LIMIT_BYTES", 3 * size)
    assert memmap_cache.make_room(size // 2)
    assert memmap_cache.read("older") is None
    assert memmap_cache.read("old") is not None
    assert memmap_cache.read("new") is not None


def test_what_must_stay_stays(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in ("old", "new"):
        write(entry)
    age(root, old=200, new=100)
    size = sum(file.stat().st_size for file in (root / "new").iterdir())
    monkeypatch.setattr(memmap_cache, "LIMIT_BYTES", 2 * size)
    assert not memmap_cache.make_room(size + 1, keep=["old"])
    assert memmap_cache.read("new") is not None
    assert memmap_cache.make_room(size, keep=["old"])
    assert memmap_cache.read("old") is not None
    assert memmap_cache.read("new") is None


def test_half_of_the_free_disk_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memmap_cache.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    assert memmap_cache.make_room(500)
    assert not memmap_cache.make_room(501)

"""Each seed may draw its own split: the same in every arm, and never of the test part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit.api.studies import sweep
from cifarkit.datasets.dataset import split
from cifarkit.errors import InvalidInput
from cifarkit.store.store import Store
from cifarkit.studies.config import StudyFile
from tests.cli.stubbed import cifarkit, error_of, train_nothing
from tests.datasets.test_folder import noise_of, read

T = ("--dataset", "synthetic", "--classes", "4", "--train-per-class", "20", "--epochs", "2")
SWEEP = ("sweep", "batch-size", "8", "16", "--model", "lenet", *T)


@pytest.fixture(autouse=True)
def _train_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    train_nothing(monkeypatch)
    monkeypatch.chdir(tmp_path)


def seeds(study: str = "") -> list[list[tuple[int, int]]]:
    """(data seed, seed) of every trial of every arm of a study in the store."""
    store = Store(Path("runs"))
    (found,) = [one for one in store.studies() if one.vary_split or not study]
    specs = [[store.read(trial).spec for trial in arm.trials] for arm in found.arms]
    return [[(s.data.data_seed, s.train.seed) for s in arm] for arm in specs]


def test_each_seed_has_its_split_in_every_arm() -> None:
    done = cifarkit(*SWEEP, "--seeds", "3", "--vary-split")
    assert done.exit_code == 0, done.output
    assert seeds() == [[(0, 0), (1, 1), (2, 2)]] * 2
    text = cifarkit("report").stdout
    assert "the seed of each training" in text
    assert "mix different images" not in text
    # More seeds extend it; without the option it is another study, which shares the first seed.
    assert cifarkit(*SWEEP, "--seeds", "4", "--vary-split").exit_code == 0
    assert seeds() == [[(0, 0), (1, 1), (2, 2), (3, 3)]] * 2
    assert cifarkit(*SWEEP, "--seeds", "2").exit_code == 0
    assert len(Store(Path("runs")).studies()) == 2
    assert seeds("varied") == [[(0, 0), (1, 1), (2, 2), (3, 3)]] * 2
    assert len(Store(Path("runs")).trial_ids()) == 2 * (4 + 1)


def test_a_name_of_a_study_with_one_split_is_refused() -> None:
    assert cifarkit(*SWEEP, "--seeds", "2", "--name", "sizes").exit_code == 0
    done = cifarkit(*SWEEP, "--seeds", "2", "--vary-split", "--name", "sizes")
    assert "other splits (the same for every seed; here one for each seed)" in error_of(done)


def test_the_data_seed_is_swept_across_seeds() -> None:
    done = cifarkit("sweep", "data-seed", "0", "1", "2", "--model", "lenet", *T, "--seeds", "2")
    assert done.exit_code == 0, done.output
    assert seeds() == [[(n, 0), (n, 1)] for n in range(3)]
    text = cifarkit("report", "--full").stdout
    assert "3 splits x 2 seeds" in text.replace("\n", " ")
    assert "single out" not in text


def test_what_cannot_vary_is_refused(tmp_path: Path) -> None:
    for words, message in (
        (("--vary-split",), "vary_split: one seed draws one split; give 2 --seeds or more"),
        (("--vary-split", "--seeds", "2", "--data-seed", "3"), "data_seed 3 fixes one for all"),
    ):
        done = cifarkit(*SWEEP, *words, "--dry-run")
        assert message in error_of(done)
    images, labels = np.zeros((12, 4, 4, 3), np.uint8), np.arange(12) % 2
    images += np.arange(12, dtype=np.uint8)[:, None, None, None]
    parts = {f"{axis}_{part}": one for part in ("train", "val", "test")
             for axis, one in (("x", images), ("y", labels))}  # fmt: skip
    parts |= {"x_val": images + 50, "x_test": images + 100}
    np.savez(tmp_path / "own.npz", **parts)
    own: Any = {"model": "lenet", "dataset": str(tmp_path / "own.npz")}
    message = "comes with its own validation part"
    with pytest.raises(InvalidInput, match=message):
        sweep("batch_size", 2, 4, seeds=2, vary_split=True, **own)
    with pytest.raises(InvalidInput, match=message):
        sweep("data_seed", 0, 1, **own)
    assert len(sweep("data_seed", 0, 1, train_per_class=4, **own).specs()) == 2


def test_a_study_file_varies_the_split_and_chooses_none() -> None:
    step = {"title": "Splits", "vary": {"data-seed": [0, 1]}}
    file = {"name": "a", "title": "A", "vary_split": True, "step": [step]}
    with pytest.raises(ValueError, match="data-seed: each value has other validation images"):
        StudyFile.model_validate(file)
    assert StudyFile.model_validate(file | {"step": [step | {"choose": False}]}).common == {
        "vary_split": True
    }
    Path("a.toml").write_text(
        'name = "a"\ntitle = "A"\nseeds = 2\nvary_split = true\n'
        "settings = {dataset = 'synthetic', classes = 4, train-per-class = 20, model = 'lenet'}\n"
        '[[step]]\ntitle = "Batch"\nvary.batch-size = [8, 16]\n'
        '[[step]]\ntitle = "Final"\nchoose = false\n'
    )
    assert cifarkit("study", "a.toml").exit_code == 0
    store = Store(Path("runs"))
    assert {
        (spec.data.data_seed, spec.train.seed)
        for spec in (record.spec for record in store.records())
    } == {(0, 0), (1, 1)}
    assert all(study.vary_split for study in store.studies())


def test_the_test_part_of_a_folder_stays(tmp_path: Path) -> None:
    """A folder without a test part: a fifth is set aside once, whatever the data seed."""
    data = read(noise_of(tmp_path / "photos", per_class=20))
    one, other = (
        split(data, train_per_class=None, validation_fraction=0.25, data_seed=seed)
        for seed in (0, 1)
    )
    np.testing.assert_array_equal(one.test_images, other.test_images)
    first, second = (np.array(part.validation_images[:]) for part in (one, other))
    assert first.shape == second.shape
    assert (first != second).any()
    tested = {image.tobytes() for image in np.array(one.test_images[:])}
    for part in (one, other):
        for images in (part.train_images, part.validation_images):
            assert tested.isdisjoint(image.tobytes() for image in np.array(images[:]))

"""What is known of a data set before it is read, and what is said when it is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarkit.datasets import cifar_files
from cifarkit.datasets import registry as dataset_registry
from cifarkit.errors import InvalidInput
from tests.datasets.archives import make_cifar100
from tests.datasets.digits import make_digits


def test_built_in_data_sets_are_known_without_a_file() -> None:
    for name, classes, groups, train in (
        ("cifar100", 100, 20, 500),
        ("cifar10", 10, 0, 5000),
        ("fashion-mnist", 10, 0, 6000),
        ("synthetic", 100, 20, 500),
    ):
        facts = dataset_registry.facts(name)
        assert (facts.dataset, len(facts.class_names)) == (name, classes)
        assert len(set(facts.class_groups)) == groups
        assert facts.train_per_class == train
        assert facts.fingerprint is None
        assert facts.location is None


def test_asking_costs_no_heavy_import() -> None:
    program = (
        "import sys; from cifarkit.datasets import registry; registry.facts('cifar100');"
        "[registry.missing(name) for name in ('cifar100', 'fashion-mnist', 'synthetic')];"
        "print([m for m in ('numpy', 'PIL', 'keras', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_an_unknown_name_is_met_with_the_nearest_and_the_other_ways() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'cifar100'") as refused:
        dataset_registry.facts("cifar-100")
    assert "path to a folder of class folders or to an .npz file" in str(refused.value)


@pytest.mark.parametrize("dataset", ["./nowhere", "nowhere/else", "data.npz", "~/nowhere"])
def test_a_path_that_leads_nowhere_is_named(dataset: str) -> None:
    with pytest.raises(InvalidInput, match="--dataset: there is nothing at /"):
        dataset_registry.facts(dataset)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    archive = make_cifar100(tmp_path, train_per_class=1, test_per_class=1)
    with pytest.raises(InvalidInput, match="--data-dir PATH"):
        dataset_registry.facts(str(archive))


def test_folder_without_a_path_is_refused() -> None:
    with pytest.raises(InvalidInput, match="--dataset folder needs a path"):
        dataset_registry.facts("folder")


def test_a_path_and_another_data_dir_contradict(tmp_path: Path) -> None:
    folder = make_digits(tmp_path, per_class=5)
    with pytest.raises(InvalidInput, match="leave --data-dir out"):
        dataset_registry.facts(str(folder), str(tmp_path))


def test_relative_and_absolute_paths_mean_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_digits(tmp_path, per_class=5)
    monkeypatch.chdir(tmp_path)
    facts = dataset_registry.facts("digits")
    assert (
        facts
        == dataset_registry.facts("folder", str(folder))
        == dataset_registry.facts(str(folder), str(folder))
    )
    assert facts.location == str(folder)
    assert facts.dataset == "folder"
    assert facts.title == "digits"


class TestMissing:
    def test_nothing_is_missing_of_what_is_there(self, tmp_path: Path) -> None:
        make_cifar100(tmp_path / "data", train_per_class=1, test_per_class=1)
        assert dataset_registry.missing("cifar100", str(tmp_path / "data")) is None
        assert dataset_registry.missing("synthetic", None) is None
        assert dataset_registry.missing(str(make_digits(tmp_path, per_class=5)), None) is None

    def test_the_message_names_the_file_the_place_and_both_ways_on(self, tmp_path: Path) -> None:
        for location, place in ((None, cifar_files.keras_cache()), (str(tmp_path), tmp_path)):
            message = dataset_registry.missing("cifar100", location)
            assert message is not None
            for part in (
                "cifar-100-python.tar.gz",
                str(place),
                "https://www.cs.toronto.edu/~kriz/cifar.html",
                "--data-dir DIR",
                "--dataset synthetic",
            ):
                assert part in message

    def test_facts_and_load_refuse_with_the_same_message(self, tmp_path: Path) -> None:
        from cifarkit.datasets.registry import load

        message = dataset_registry.missing("cifar10", str(tmp_path))
        for ask in (
            lambda: dataset_registry.facts("cifar10", str(tmp_path)),
            lambda: load("cifar10", str(tmp_path), image_size=32),
        ):
            with pytest.raises(InvalidInput) as refused:
                ask()
            assert str(refused.value) == message

    @pytest.mark.parametrize("dataset", ["folder", "npz"])
    def test_a_path_that_is_gone_is_missing(self, tmp_path: Path, dataset: str) -> None:
        message = dataset_registry.missing(dataset, str(tmp_path / "gone"))
        assert message == f"--data-dir: there is nothing at {tmp_path / 'gone'}"

    def test_keras_cache_is_where_keras_has_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KERAS_HOME")
        assert cifar_files.keras_cache() == Path(os.path.expanduser("~/.keras/datasets"))
        monkeypatch.setenv("KERAS_HOME", "/somewhere")
        assert cifar_files.keras_cache() == Path("/somewhere/datasets")

"""A download appears whole and checked, or not at all."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from cifarkit.datasets import cifar_files
from cifarkit.datasets import registry as dataset_registry
from cifarkit.errors import InvalidInput
from tests.datasets.archives import make_cifar100


class Network:
    """Takes the place of `keras.utils.get_file`: hands out an archive, or fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.requests: list[dict[str, str]] = []

    def get_file(self, **request: str) -> str:
        self.requests.append(request)
        print("Downloading data")
        directory = Path(request["cache_dir"]) / request["cache_subdir"]
        made = make_cifar100(directory, train_per_class=1, test_per_class=1)
        if self.fault is not None:
            raise self.fault
        return str(made)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    keras = SimpleNamespace(utils=SimpleNamespace(get_file=network.get_file))
    monkeypatch.setitem(sys.modules, "keras", keras)
    official = {cifar_files.keras_archive("cifar100")}
    monkeypatch.setattr(cifar_files, "is_official", lambda dataset, found: found in official)
    return network


def test_the_archive_is_put_where_keras_would_look(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset_registry.fetch("cifar100")
    assert dataset_registry.missing("cifar100") is None
    left = {path.name for path in cifar_files.keras_cache().iterdir()}
    assert left - {"cifar-100-python-target_archive.lock"} == {"cifar-100-python-target_archive"}
    request = network.requests[0]
    assert request["origin"] == "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    assert len(request["file_hash"]) == 64
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Downloading" in shown.err
    dataset_registry.fetch("cifar100")
    assert len(network.requests) == 1


def test_hash_and_address_are_those_of_the_installed_keras() -> None:
    import importlib.util

    from cifarkit.datasets import download

    keras = Path(str(importlib.util.find_spec("keras").origin)).parent  # type: ignore[union-attr]
    for dataset in ("cifar100", "cifar10"):
        source = (keras / "src" / "datasets" / f"{dataset}.py").read_text()
        assert download._SHA256[dataset] in source
        assert download._URL + cifar_files.FORMATS[dataset][0].archive in source
        assert f'"{cifar_files.FORMATS[dataset][0].folder}-target"' in source


def test_a_failure_leaves_nothing_and_says_what_to_do(network: Network) -> None:
    network.fault = Exception("URL fetch failure: no route to host")
    with pytest.raises(InvalidInput, match="--dataset synthetic") as refused:
        dataset_registry.fetch("cifar100")
    assert "no route to host" in str(refused.value)
    assert [p.suffix for p in cifar_files.keras_cache().iterdir()] in ([], [".lock"])
    assert socket.getdefaulttimeout() is None


def test_what_a_killed_download_left_is_cleared(network: Network) -> None:
    left = cifar_files.keras_archive("cifar100").with_name("cifar-100-python-target_archive.part")
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    dataset_registry.fetch("cifar100")
    assert not left.exists()


def test_those_who_ask_at_once_download_once(network: Network) -> None:
    threads = [
        threading.Thread(target=dataset_registry.fetch, args=("cifar100",)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(network.requests) == 1


def test_a_place_that_the_user_names_is_never_downloaded_to(
    network: Network, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="--data-dir"):
        dataset_registry.fetch("cifar100", str(tmp_path))
    assert not network.requests


def test_a_cache_that_cannot_be_written_is_refused(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(InvalidInput, match="Downloading it failed"):
        dataset_registry.fetch("cifar100")

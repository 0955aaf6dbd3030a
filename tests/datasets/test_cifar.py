"""CIFAR is read from files built exactly as the published ones, and hostile files are refused."""

from __future__ import annotations

import contextlib
import pickle
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cifarkit.datasets import builtin_classes, cifar_archive, cifar_files
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.registry import load
from cifarkit.datasets.restricted_pickle import load_dict
from cifarkit.errors import InvalidInput
from tests.datasets import archives
from tests.datasets.archives import Bomb, make_cifar10, pack, planes, python2_pickle

make_cifar100 = partial(archives.make_cifar100, train_per_class=2, test_per_class=1)
MAKERS = {"cifar100": make_cifar100, "cifar10": make_cifar10}


def archive_of(directory: Path, **replaced: object) -> Path:
    """A CIFAR-100 archive with entries of its training batch replaced, or left out for None."""
    folder = make_cifar100(directory / "parts", train_per_class=2, packed=False)
    batch = pickle.loads((folder / "train").read_bytes(), encoding="bytes")
    batch |= {key.encode(): value for key, value in replaced.items()}
    batch = {key: value for key, value in batch.items() if value is not None}
    members = {
        f"cifar-100-python/{name}": (folder / name).read_bytes() for name in ("test", "meta")
    }
    members["cifar-100-python/train"] = pickle.dumps(batch, protocol=2)
    return pack(directory / "cifar-100-python.tar.gz", members)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dataset", ["cifar100", "cifar10"])
def test_every_pixel_and_label_comes_through(
    tmp_path: Path, dataset: str, packed: bool, binary: bool
) -> None:
    path = MAKERS[dataset](
        tmp_path, train_per_class=3, test_per_class=2, packed=packed, binary=binary, seed=5
    )
    classes = 100 if dataset == "cifar100" else 10
    images, fine = archives._part(classes, 3, 5)
    test_images, test_fine = archives._part(classes, 2, 6)
    for location in (path, tmp_path):
        data = load(dataset, str(location), image_size=64)
        np.testing.assert_array_equal(data.train_images, images)
        np.testing.assert_array_equal(data.train_labels, fine)
        np.testing.assert_array_equal(data.test_images, test_images)
        np.testing.assert_array_equal(data.test_labels, test_fine)
        assert data.train_labels.dtype == np.int32
        assert data.class_names == dataset_registry.facts(dataset).class_names
        assert data.class_groups == dataset_registry.facts(dataset).class_groups


def test_the_made_files_are_what_others_read(tmp_path: Path) -> None:
    folder = make_cifar100(tmp_path, train_per_class=1, packed=False)
    batch = pickle.loads((folder / "train").read_bytes(), encoding="bytes")
    assert batch.keys() == {
        b"filenames", b"batch_label", b"fine_labels", b"coarse_labels", b"data"
    }  # fmt: skip
    assert batch[b"data"].shape == (100, 3072)
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in (folder / "train").read_bytes()


def test_a_look_alike_is_never_taken_for_the_real_data(tmp_path: Path) -> None:
    path = make_cifar100(tmp_path / "one", train_per_class=4)
    facts = dataset_registry.facts("cifar100", str(path))
    assert facts.fingerprint is not None
    assert facts.fingerprint.startswith("sha256:")
    assert len(facts.fingerprint) == len("sha256:") + 16
    assert facts.train_per_class == 4
    assert facts.location == str(path)
    assert facts.title != "CIFAR-100"
    other = make_cifar100(tmp_path / "two", train_per_class=4, seed=9)
    assert dataset_registry.facts("cifar100", str(other)).fingerprint != facts.fingerprint


def test_the_fingerprint_is_of_the_content_not_of_the_format(tmp_path: Path) -> None:
    prints = {
        dataset_registry.facts(
            "cifar100",
            str(make_cifar100(tmp_path / f"{packed}{binary}", packed=packed, binary=binary)),
        ).fingerprint
        for packed in (False, True)
        for binary in (False, True)
    }
    assert len(prints) == 1


def test_a_look_alike_brings_its_own_class_names(tmp_path: Path) -> None:
    names = [f"thing_{number:02d}" for number in range(100)]
    path = make_cifar100(tmp_path, class_names=names)
    assert dataset_registry.facts("cifar100", str(path)).class_names == tuple(names)


def test_content_with_the_official_hash_is_the_official_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_cifar100(tmp_path)
    monkeypatch.setattr(cifar_files, "_md5", lambda file: "eb9058c3a382ffc7106e4002c42a8d85")
    facts = dataset_registry.facts("cifar100", str(path))
    assert (facts.fingerprint, facts.title, facts.train_per_class) == (None, "CIFAR-100", 500)
    assert facts.location == str(path)


def test_a_changed_archive_is_looked_at_again(tmp_path: Path) -> None:
    first = dataset_registry.facts("cifar100", str(make_cifar100(tmp_path)))
    second = dataset_registry.facts("cifar100", str(make_cifar100(tmp_path, train_per_class=3)))
    assert first.fingerprint != second.fingerprint


def test_superclasses_follow_from_the_pairs_of_labels(tmp_path: Path) -> None:
    folder = make_cifar100(tmp_path, train_per_class=1, packed=False)
    batch = pickle.loads((folder / "train").read_bytes(), encoding="bytes")
    where = batch[b"fine_labels"].index(0)
    batch[b"coarse_labels"][where] = (batch[b"coarse_labels"][where] + 1) % 20
    (folder / "train").write_bytes(python2_pickle(batch))
    assert load("cifar100", str(tmp_path), image_size=32).class_groups == ()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    folder = make_cifar100(tmp_path, train_per_class=2, packed=False)
    before = load("cifar100", str(folder), image_size=32)
    for name in ("train", "test", "meta"):
        value = pickle.loads((folder / name).read_bytes(), encoding="bytes")
        if name == "train":
            value[b"data"] = np.asfortranarray(value[b"data"])
            value[b"fine_labels"] = [np.int64(label) for label in value[b"fine_labels"]]
            value[b"batch_label"] = b""
        (folder / name).write_bytes(pickle.dumps(value, protocol=protocol))
    after = load("cifar100", str(folder), image_size=32)
    np.testing.assert_array_equal(after.train_images, before.train_images)
    np.testing.assert_array_equal(after.train_labels, before.train_labels)


def test_files_are_found_as_keras_leaves_them(tmp_path: Path) -> None:
    archive = make_cifar100(tmp_path / "made")
    (tmp_path / "cache").mkdir()
    archive.rename(tmp_path / "cache" / "cifar-100-python-target_archive")
    assert len(load("cifar100", str(tmp_path / "cache"), image_size=32).test_labels) == 100
    make_cifar100(tmp_path / "other" / "cifar-100-python-target", packed=False)
    assert len(load("cifar100", str(tmp_path / "other"), image_size=32).test_labels) == 100


def test_a_look_alike_in_keras_cache_is_passed_over_and_named(tmp_path: Path) -> None:
    made = make_cifar100(cifar_files.keras_cache())
    problem = dataset_registry.missing("cifar100")
    assert problem is not None
    assert f"{made} exists but does not have the official content" in problem
    with pytest.raises(InvalidInput, match="not have the official content"):
        load("cifar100", image_size=32)


class TestHostileFiles:
    def test_a_pickle_that_would_run_code_is_refused_and_not_run(self, tmp_path: Path) -> None:
        trace = tmp_path / "executed"
        path = archive_of(tmp_path, data=Bomb(trace))
        with pytest.raises(InvalidInput, match=r"train.*asks for (io|_io)\.open"):
            load("cifar100", str(path), image_size=32)
        with pytest.raises(InvalidInput, match="nothing was run"):
            dataset_registry.facts("cifar100", str(path))
        assert not trace.exists()

    @pytest.mark.parametrize("allowed", ["numpy.ndarray", "_codecs.encode", "numpy.dtype"])
    def test_even_what_may_be_named_is_not_the_real_thing(
        self, tmp_path: Path, allowed: str
    ) -> None:
        module, name = allowed.split(".")
        program = b"\x80\x02" + f"c{module}\n{name}\nU\x01xU\x03zip\x86R.".encode()
        folder = make_cifar100(tmp_path, packed=False)
        (folder / "train").write_bytes(program)
        with pytest.raises(InvalidInput, match="train"):
            load("cifar100", str(folder), image_size=32)

    def test_paths_that_lead_out_and_links_are_passed_over(self, tmp_path: Path) -> None:
        folder = make_cifar100(tmp_path / "parts", packed=False)
        files = {name: (folder / name).read_bytes() for name in ("train", "test", "meta")}
        link = tarfile.TarInfo("cifar-100-python/train")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        members: dict[str, bytes | tarfile.TarInfo] = {
            "../escaped": b"no",
            "../cifar-100-python/train": b"no",
            "/cifar-100-python/train": b"no",
            "link": link,
            **{f"./cifar-100-python/{name}": data for name, data in files.items()},
        }
        before = sorted(tmp_path.rglob("*"))
        path = pack(tmp_path / "cifar-100-python.tar.gz", members)
        assert len(load("cifar100", str(path), image_size=32).train_labels) == 200
        assert sorted(tmp_path.rglob("*")) == sorted([*before, path])

    def test_a_link_does_not_stand_for_a_file(self, tmp_path: Path) -> None:
        folder = make_cifar100(tmp_path / "parts", packed=False)
        link = tarfile.TarInfo("cifar-100-python/train")
        link.type, link.linkname = tarfile.SYMTYPE, str(folder / "train")
        test = (folder / "test").read_bytes()
        path = pack(tmp_path / "a.tar.gz", {"link": link, "cifar-100-python/test": test})
        with pytest.raises(InvalidInput, match="as regular files"):
            load("cifar100", str(path), image_size=32)

    def test_an_archive_that_unpacks_to_too_much_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cifar_archive, "MAX_UNPACKED_BYTES", 2**20)
        path = pack(tmp_path / "bomb.tar.gz", {"zeros": bytes(2**21)})
        with pytest.raises(InvalidInput, match="more than 1 MiB"):
            load("cifar100", str(path), image_size=32)

    @pytest.mark.parametrize("kept", [0, 1, 10, 1000, 0.5, -1])
    def test_a_truncated_archive_is_named(self, tmp_path: Path, kept: float) -> None:
        path = make_cifar100(tmp_path)
        data = path.read_bytes()
        path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
        with pytest.raises(InvalidInput, match=path.name):
            load("cifar100", str(path), image_size=32)

    def test_a_damaged_archive_is_named(self, tmp_path: Path) -> None:
        path = make_cifar100(tmp_path)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
        with pytest.raises(InvalidInput, match=path.name):
            load("cifar100", str(path), image_size=32)

    @pytest.mark.parametrize(
        ("replaced", "message"),
        [
            ({"data": None}, "'data' must be"),
            ({"data": np.zeros((200, 3071), np.uint8)}, "'data' must be"),
            ({"data": np.zeros((200, 3072), np.float32)}, "integers were expected"),
            ({"fine_labels": [1, 2, 3]}, "'fine_labels' must be 200 integers"),
            ({"fine_labels": [[1], [2, 3]]}, "'fine_labels' must be 200 integers"),
            ({"fine_labels": [0.5] * 200}, "'fine_labels' must be 200 integers"),
            ({"fine_labels": [2**40] * 200}, "'fine_labels' must be 200 integers"),
            ({"fine_labels": [100] * 200}, r"must be in 0\.\.99"),
        ],
    )
    def test_contents_of_another_kind_are_refused(
        self, tmp_path: Path, replaced: dict[str, object], message: str
    ) -> None:
        path = archive_of(tmp_path, **replaced)
        with pytest.raises(InvalidInput, match=message):
            load("cifar100", str(path), image_size=32)

    @pytest.mark.parametrize(
        "damage", [lambda d: b"", lambda d: d[:-1], lambda d: d[:100], lambda d: b"I1\n."]
    )
    def test_a_damaged_pickle_is_named(
        self, tmp_path: Path, damage: Callable[[bytes], bytes]
    ) -> None:
        folder = make_cifar100(tmp_path, packed=False)
        (folder / "test").write_bytes(damage((folder / "test").read_bytes()))
        with pytest.raises(InvalidInput, match="test"):
            load("cifar100", str(folder), image_size=32)

    def test_no_damage_gets_past(self) -> None:
        whole = python2_pickle({b"data": np.zeros((2, 9), np.uint8), b"labels": [1, 2], b"n": b""})
        random = np.random.default_rng(0)
        for _ in range(3000):
            damaged = bytearray(whole)
            for place in random.integers(0, len(whole), 3).tolist():
                damaged[place] = int(random.integers(256))
            with contextlib.suppress(InvalidInput):
                assert isinstance(load_dict(bytes(damaged), "file"), dict)

    def test_a_binary_file_that_is_cut_is_named(self, tmp_path: Path) -> None:
        folder = make_cifar100(tmp_path, packed=False, binary=True)
        (folder / "test.bin").write_bytes((folder / "test.bin").read_bytes()[:-1])
        with pytest.raises(InvalidInput, match=r"test\.bin.*record"):
            load("cifar100", str(folder), image_size=32)


def test_the_wrong_archive_is_told_from_the_right_one(tmp_path: Path) -> None:
    path = make_cifar10(tmp_path)
    with pytest.raises(InvalidInput, match="cifar-100-python/ with train, test"):
        load("cifar100", str(path), image_size=32)


def test_superclass_constants_are_cifars() -> None:
    assert len(builtin_classes.CIFAR100_CLASSES) == 100
    assert len(builtin_classes.CIFAR100_GROUPS) == 20
    by_name = dict(
        zip(builtin_classes.CIFAR100_CLASSES, builtin_classes.CIFAR100_CLASS_GROUPS, strict=True)
    )
    assert by_name["lawn_mower"] == "vehicles_2"
    assert by_name["crab"] == "non-insect_invertebrates"
    assert builtin_classes.CIFAR100_CLASSES[:3] == ("apple", "aquarium_fish", "baby")
    assert all(
        builtin_classes.CIFAR100_CLASS_GROUPS.count(group) == 5
        for group in builtin_classes.CIFAR100_GROUPS
    )


def test_planes_are_red_green_blue() -> None:
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[0, 0, 1, 2] = 9
    assert planes(image)[0, 2 * 1024 + 1] == 9

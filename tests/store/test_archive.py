"""Archives from strangers: what does not belong in a store is refused, and nothing is written."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cifarkit.errors import InvalidInput
from cifarkit.store.archive import CONTENTS, export
from cifarkit.store.archive_reading import import_archive
from cifarkit.store.store import Store
from tests.store.test_damage import HURT, make_store

SPEC = f"trials/{HURT}/spec.json"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a sound archive."""
    root = tmp_path_factory.mktemp("sound")
    export(make_store(root / "runs"), root / "a.tar.gz")
    with tarfile.open(root / "a.tar.gz") as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames() if name != CONTENTS}  # type: ignore[union-attr]


def listing(files: dict[str, bytes], **changes: Any) -> bytes:
    members = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    return json.dumps({"schema_version": 1, "members": members} | changes).encode()


def member(as_name: str, data: bytes = b"", **of_header: Any) -> tuple[tarfile.TarInfo, bytes]:
    header = tarfile.TarInfo(as_name)
    header.size = len(data)
    for key, value in of_header.items():
        setattr(header, key, value)
    return header, data


def pack(
    path: Path,
    files: dict[str, bytes],
    contents: bytes | None = None,
    instead: dict[str, tuple[tarfile.TarInfo, bytes]] | None = None,
    format: int = tarfile.USTAR_FORMAT,
) -> Path:
    """An archive of these files; some members may be others than the list says."""
    contents = listing(files) if contents is None else contents
    with tarfile.open(path, "w:gz", compresslevel=1, format=format) as tar:
        for name, data in {CONTENTS: contents, **files}.items():
            header, data = (instead or {}).get(name) or member(name, data)
            tar.addfile(header, io.BytesIO(data))
    return path


def refused(path: Path, runs: Path, match: str) -> None:
    before = {p for p in runs.parent.rglob("*") if runs not in p.parents and p != runs}
    with pytest.raises(InvalidInput, match=match):
        import_archive(Store(runs), path)
    assert {p for p in runs.parent.rglob("*") if runs not in p.parents and p != runs} == before
    assert [p for p in runs.rglob("*") if p.name != "trials"] == []


def test_what_is_packed_here_is_taken(files: dict[str, bytes], tmp_path: Path) -> None:
    done = import_archive(Store(tmp_path / "runs"), pack(tmp_path / "a.tar.gz", files))
    assert (len(done.trials), len(done.studies), done.refused) == (3, 1, {})


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "trials/../../evil", f"trials/{HURT}/../../../evil", "evil",
     f"trials/{HURT}/lock", f"trials/{HURT}/spec.json/", f"trials/{HURT.upper()}/spec.json",
     f"trials/{HURT}/spec.json\n", "studies/../x.json", "studies/a.json", "trials//spec.json",
     f"./{SPEC}", f"trials\\{HURT}\\spec.json", f"trials/{HURT}/checkpoint/x", "studies/٣.json"],
)  # fmt: skip
def test_other_names_are_refused(files: dict[str, bytes], tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / "a.tar.gz", files | {name: b"evil"}, format=tarfile.GNU_FORMAT)
    refused(path, tmp_path / "runs", "does not belong in a store|where the file")


@pytest.mark.parametrize(
    "header",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "../../x"},
        {"type": tarfile.CHRTYPE},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.DIRTYPE},
        {"type": tarfile.GNUTYPE_SPARSE},
        {"name": "../evil"},
    ],
)
def test_links_devices_and_false_names_are_refused(
    files: dict[str, bytes], tmp_path: Path, header: dict[str, Any]
) -> None:
    instead = {SPEC: member(SPEC, **header)}
    refused(
        pack(tmp_path / "a.tar.gz", files, instead=instead), tmp_path / "runs", "where the file"
    )


def test_extended_headers_are_refused_unread(files: dict[str, bytes], tmp_path: Path) -> None:
    large = tarfile.TarInfo(SPEC)
    large.pax_headers = {"comment": "x" * 2**20}
    path = pack(
        tmp_path / "a.tar.gz", files, instead={SPEC: (large, b"")}, format=tarfile.PAX_FORMAT
    )
    refused(path, tmp_path / "runs", "where the file")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda f: listing(f, schema_version=2), "newer cifarkit; this one reads up to"),
        (lambda f: listing(f, more=1), "is invalid"),
        (lambda f: b"[" * 10_000, "is invalid"),
        (lambda f: b"", "is invalid"),
        (lambda f: b"{" + b" " * 2**23, "lists more than"),
        (lambda f: listing(dict.fromkeys(f, b"")), "another size"),
        (lambda f: listing({n: bytes(len(d)) for n, d in f.items()}), "match its checksum"),
        (lambda f: listing(dict(list(f.items())[:-1])), "holds more than it lists"),
        (lambda f: listing(f | {"studies/2.json": b""}), "where the file|damaged"),
        (
            lambda f: listing(f, members={SPEC: {"bytes": 2**30, "sha256": "0" * 64}}),
            "larger than 4,194,304 bytes",
        ),
        (
            lambda f: listing(
                f,
                members={
                    f"trials/{n:012}/model.weights.h5": {"bytes": 2**33, "sha256": "0" * 64}
                    for n in range(10_000)
                },
            ),
            "are free",
        ),
    ],
)
def test_a_list_that_is_not_true_is_refused(
    files: dict[str, bytes],
    tmp_path: Path,
    change: Callable[[dict[str, bytes]], bytes],
    match: str,
) -> None:
    path = pack(tmp_path / "a.tar.gz", files, change(files))
    refused(path, tmp_path / "runs", match)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(300):
            stream.write(bytes(2**20))
    began = time.monotonic()
    refused(path, tmp_path / "runs", "damaged or not a .tar.gz archive")
    assert time.monotonic() - began < 1
    name = f"trials/{HURT}/log.txt"
    path = pack(tmp_path / "log.tar.gz", {name: bytes(2**20)})
    done = import_archive(Store(tmp_path / "runs"), path)
    assert done.refused == {HURT: "spec.json is missing"}


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_torn_archive_changes_nothing(
    files: dict[str, bytes], tmp_path: Path, share: float
) -> None:
    path = pack(tmp_path / "a.tar.gz", files)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(path, tmp_path / "runs", "cut short|damaged")
    refused(tmp_path / "none.tar.gz", tmp_path / "runs", "there is no file")


def test_a_trial_that_is_not_sound_is_refused_and_the_others_are_taken(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    store = Store(tmp_path / "runs")
    other = next(name for name in files if name.endswith("spec.json") and HURT not in name)
    changed = dict(files)
    changed[SPEC] = files[other]
    changed[other.replace("spec.json", "result.json")] = b"{}"
    changed["studies/1.json"] = files["studies/1.json"].replace(b'"sweep-', b'"../../')
    done = import_archive(store, pack(tmp_path / "a.tar.gz", changed))
    assert done.refused[HURT] == f"spec.json is not the spec of trial {HURT}"
    assert "result.json does not match its checksum" in done.refused.values()
    assert "study 1" in done.refused
    assert len(done.trials) == len(store.trial_ids()) == 1
    assert store.studies() == []
    assert list(store.root.glob("trials/.import*")) == []


@settings(max_examples=150, deadline=2000, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_archives_are_taken_or_refused(
    files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("mutated")
    plain = gzip.decompress(pack(folder / "a.tar.gz", files).read_bytes())
    content = bytearray(plain)
    for _ in range(data.draw(st.integers(1, 4))):
        # Most mutations hit headers and the list, where the decisions are made.
        place = data.draw(st.integers(0, 2 * 512 + len(listing(files)) + 1024))
        content[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    (folder / "a.tar.gz").write_bytes(gzip.compress(bytes(content), 1))
    try:
        import_archive(Store(folder / "runs"), folder / "a.tar.gz")
    except InvalidInput:
        assert not Store(folder / "runs").trial_ids()
    assert sorted(os.listdir(folder)) == ["a.tar.gz", "runs"]

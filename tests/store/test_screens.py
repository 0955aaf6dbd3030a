"""Screenings are checked, exported, imported and synchronized with the rest of a store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.store.archive import export
from cifarkit.store.archive_reading import import_archive
from cifarkit.store.maintenance import check
from cifarkit.store.screens import ScreenedNetwork, ScreenRecord, read_screens, write_screen
from cifarkit.store.store import Store
from cifarkit.store.sync import sync
from tests.store.test_damage import SPECS, WORK


def record(name: str = "screen-synthetic-01234567") -> ScreenRecord:
    network = ScreenedNetwork(model="lenet", name="LeNet", image_size=32)
    return ScreenRecord(
        name=name, created_at=datetime.now(UTC), command="cifarkit screen", data={},
        data_title="Synthetic", weights="imagenet", images=10, classes=2, networks=(network,),
        seconds=1.0, network_seconds=0.5,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    run(SPECS[:1], store, InProcessLauncher(), work=WORK)
    write_screen(store.root, record())
    return store


def test_an_archive_and_a_synchronized_store_have_it_once(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "a.tar.gz")
    other, third = Store(tmp_path / "other"), Store(tmp_path / "third")
    assert import_archive(other, tmp_path / "a.tar.gz").screens == [record().name]
    again = import_archive(other, tmp_path / "a.tar.gz")
    assert again.screens == []
    assert record().name in again.kept
    assert sync(store, third).into[1].screens == [record().name]
    for one in (other, third):
        assert read_screens(one.root) == read_screens(store.root)


def test_a_damaged_one_is_found_and_set_aside(store: Store) -> None:
    assert list(check(store)) == []
    path = store.root / "screens" / f"{record().name}.json"
    path.write_text(path.read_text()[:-20])
    (found,) = check(store, repair=True)
    assert found.path == path
    assert found.repaired.startswith("set aside as")
    assert list(check(store)) == []


@pytest.mark.parametrize("name", ["../screen-x", "screen-a/b", "study", "screen-"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(ValidationError):
        record(name)

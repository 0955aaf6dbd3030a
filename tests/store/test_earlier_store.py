"""A store that was written before studies had digests in their names, as it was made then."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from cifarkit.specs import identity
from cifarkit.store.store import Store
from tests.cli.stubbed import cifarkit, headings, train_nothing

MADE = Path(__file__).parents[1] / "vectors" / "store-before-digests.tar.xz"
T = ("--dataset", "synthetic", "--weights", "none", "--classes", "4", "--train-per-class", "20",
     "--epochs", "2")  # fmt: skip


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    with tarfile.open(MADE) as tar:
        tar.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    train_nothing(monkeypatch)
    return Store("runs")


def test_every_trial_and_study_is_read(store: Store) -> None:
    assert len(store.trial_ids()) == 10
    for record in store.records():
        assert record.complete
        assert identity(record.spec.model_dump(mode="json")) == record.trial_id
        assert record.spec.trial_id == record.trial_id
    assert len(store.studies()) == 6
    for command in (("store", "list"), ("store", "studies"), ("store", "check"), ("report",)):
        done = cifarkit(*command)
        assert done.exit_code == 0, done.output
    assert len(headings(cifarkit("report"))) == 6
    assert cifarkit("report", "--study", "tiny-01-depth").exit_code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("sweep", "lr", "1e-2", "1e-3", "--model", "lenet", *T),
        ("study", "w.toml"),
    ],
)
def test_the_same_command_goes_on_with_the_study(store: Store, command: tuple[str, ...]) -> None:
    # What BatchNormalization did then is no longer the default, so that its trials are others.
    file = Path("w.toml").read_text().replace("epochs=1", 'epochs=1\nbatchnorm="keras"')
    Path("w.toml").write_text(file)
    before = {study.name: study for study in store.studies()}
    done = cifarkit(*command)
    assert done.exit_code == 0, done.output
    after = {study.name: study for study in store.studies()}
    assert list(after) == list(before)
    assert len(store.trial_ids()) == 10
    for name, study in after.items():
        assert study.arms == before[name].arms
        assert study.created_at == before[name].created_at
    if command[0] == "sweep":
        assert cifarkit(*command, "--seeds", "2").exit_code == 0
        assert list(before) == [study.name for study in store.studies()]


def test_another_study_of_its_name_stands_beside_it(store: Store) -> None:
    assert cifarkit("sweep", "lr", "3e-2", "3e-3", "--model", "lenet", *T).exit_code == 0
    assert cifarkit("study", "w.toml", "--epochs", "2").exit_code == 0
    assert len(store.studies()) == 9
    assert len(set(headings(cifarkit("report")))) == 9

"""The folder of trials: whole files or none, and clear words for what is damaged."""

from pathlib import Path

import pytest

from cifarkit.atomic_write import write_atomically
from cifarkit.errors import InvalidInput
from cifarkit.store.file_io import DamagedFile, read_history
from cifarkit.store.records import State, Status
from cifarkit.store.store import Store, write_history, write_result
from cifarkit.studies.completion import trial_spec
from tests.reporting.fabricate import result

SPEC = trial_spec(model="lenet", dataset="synthetic")


def test_a_trial_that_was_added_is_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    assert store.trial_ids() == []
    folder = store.add(SPEC)
    assert store.trial_ids() == [SPEC.trial_id]
    record = store.read(SPEC.trial_id)
    assert (record.spec, record.state, record.result, record.folder) == (
        SPEC,
        State(),
        None,
        folder,
    )
    assert not record.complete


def test_history_keeps_every_digit(tmp_path: Path) -> None:
    rows = [{"epoch": epoch, "loss": 1 / 3 / epoch, "accuracy": 0.1} for epoch in (1, 2)]
    write_history(tmp_path, rows)
    assert list(read_history(tmp_path / "history.csv")) == rows


def test_a_write_that_fails_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"before")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_trial_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no trial 'abc'"):
        Store(tmp_path).read("abc")


@pytest.mark.parametrize("content", [b"", b"{", b'{"status": "flying"}', b"\xff\xfe"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    store.add(SPEC)
    (store.folder(SPEC.trial_id) / "state.json").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"state\.json"):
        store.read(SPEC.trial_id)


def test_a_trial_is_complete_only_with_its_result(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.add(SPEC)
    store.write_state(SPEC.trial_id, State(status=Status.COMPLETE))
    assert not store.is_complete(SPEC.trial_id)
    write_result(folder, result())
    assert store.is_complete(SPEC.trial_id)

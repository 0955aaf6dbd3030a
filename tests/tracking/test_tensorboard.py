"""TensorBoard: what its own reader finds in what was pushed, or written during a run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cifarkit as ck
from cifarkit.execution.callbacks import CALLBACKS, Callbacks
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from cifarkit.testing import check_callback
from cifarkit.tracking.tracker import parameters
from tests.store.test_damage import HURT, OTHER, SPECS, cifarkit, flip, make_store

WORK = "tests.tracking.followed_work:followed"

pytest.importorskip("tensorboard")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("pristine")).root


@pytest.fixture
def store(pristine: Path, tmp_path: Path) -> Store:
    return Store(shutil.copytree(pristine, tmp_path / "runs"))


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard's reader takes its own file system code, which imports faster."""
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def values(found: Any, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def hparams(found: Any) -> dict[str, Any]:
    from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    content = found.summary_metadata[SESSION_START_INFO_TAG].plugin_data.content
    info = HParamsPluginData.FromString(content).session_start_info
    assert info.group_name
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in info.hparams.items()}


def test_its_reader_finds_epochs_results_and_hparams(store: Store, tmp_path: Path) -> None:
    done = ck.push_results("tensorboard", store=store.root, at=str(tmp_path / "tb"))
    assert sorted(done.pushed) == sorted(store.trial_ids())
    for spec in SPECS:
        record = store.read(spec.trial_id)
        assert record.result is not None
        found = read(tmp_path / "tb" / f"lenet-{spec.trial_id}")
        expected = [(row["epoch"], pytest.approx(row["loss"])) for row in record.history]
        assert values(found, "epoch/loss") == expected
        assert values(found, "accuracy/test") == [
            (record.result.epochs_run, pytest.approx(record.result.accuracy.test))
        ]
        assert hparams(found) == pytest.approx(parameters(spec))
        times = [event.wall_time for event in found.Scalars("epoch/loss")]
        assert times == sorted(times)
        assert record.state.ended_at is not None
        assert times[-1] == pytest.approx(record.state.ended_at.timestamp())


def test_pushing_twice_changes_nothing_and_a_changed_record_replaces(
    store: Store, tmp_path: Path
) -> None:
    at = tmp_path / "tb"

    def push() -> str:
        done = cifarkit("store", "push", "--to", "tensorboard", "--at", at, "--runs", store.root)
        return done.stderr

    assert "3 trials pushed; 0 there already" in push()
    before = {path: path.read_bytes() for path in at.rglob("*tfevents*")}
    assert len(before) == 3
    assert "0 trials pushed; 3 there already" in push()
    assert {path: path.read_bytes() for path in at.rglob("*tfevents*")} == before
    state = store.state(OTHER)
    failed = {"status": Status.FAILED, "reason": "no memory", "checksums": {}}
    store.write_state(OTHER, state.model_copy(update=failed))
    assert "1 trial pushed; 2 there already" in push()
    found = read(at / f"lenet-{OTHER}")
    assert found.Tensors("notes")[0].tensor_proto.string_val[0] == b"no memory"


def test_what_cannot_be_pushed_is_named(store: Store, tmp_path: Path) -> None:
    flip(store.folder(HURT) / "result.json")
    state = store.state(OTHER)
    store.write_state(OTHER, state.model_copy(update={"status": Status.RUNNING, "checksums": {}}))
    at = tmp_path / "tb"
    done = cifarkit("store", "push", "--to", "tensorboard", "--at", at, "--runs", store.root)
    assert done.exit_code == 1
    assert f"left out: {HURT}" in done.stderr
    assert f"left out: {OTHER}: it is running" in done.stderr
    assert "1 trial pushed" in done.stderr


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_run_is_followed_live_and_then_equals_what_a_push_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    monkeypatch.setenv("TENSORBOARD_LOGDIR", str(tmp_path / "live"))
    store, callback = Store(tmp_path / "runs"), CALLBACKS.make("tensorboard", lambda made: True)
    follow = Callbacks([callback], store.root)
    seen: list[list[tuple[int, float]]] = []

    def tell(event: Any) -> None:
        if interrupted and type(event.payload).__name__ == "EpochEnded":
            return  # as if it had begun in an earlier run
        follow(event)
        path = tmp_path / "live" / f"lenet-{event.spec.trial_id}"
        if type(event.payload).__name__ == "EpochEnded":
            seen.append(values(read(path), "epoch/accuracy"))

    run(SPECS[:1], store, InProcessLauncher(), work=WORK, on_event=tell)
    record = store.read(SPECS[0].trial_id)
    assert interrupted or [len(rows) for rows in seen] == list(range(1, len(record.history) + 1))
    ck.push_results("tensorboard", store=store.root, at=str(tmp_path / "pushed"))
    live, pushed = (read(tmp_path / at / f"lenet-{record.trial_id}") for at in ("live", "pushed"))
    assert live.Tags() == pushed.Tags()
    for tag in pushed.Tags()["scalars"]:
        assert values(live, tag) == values(pushed, tag)
    again = ck.push_results("tensorboard", store=store.root, at=str(tmp_path / "live"))
    assert again.kept == [record.trial_id]


def test_the_callback_keeps_its_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_callback(CALLBACKS.get("tensorboard"))
    assert len([*Path("tensorboard").rglob("*tfevents*")]) == 3


def test_a_tracker_that_is_not_installed_says_how_to_get_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, module in (("mlflow", "mlflow"), ("tensorboard", "tensorboard.summary.writer")):
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.delitem(sys.modules, f"{module}.record_writer", raising=False)
        with pytest.raises(ck.InvalidInput, match=rf"pip install 'cifarkit\[{name}\]'"):
            ck.push_results(name, store=store.root)
    with pytest.raises(ck.InvalidInput, match="give mlflow or tensorboard, got 'wandb'"):
        ck.push_results("wandb", store=store.root)

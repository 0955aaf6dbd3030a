"""MLflow: what its own API reads back of what was pushed, or written during a run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import cifarkit as ck
from cifarkit.execution.callbacks import CALLBACKS, Callbacks
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from cifarkit.testing import check_callback
from cifarkit.tracking.tracker import parameters
from tests.store.test_damage import OTHER, SOUND, SPECS, cifarkit, make_store

pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")
WORK = "tests.tracking.followed_work:followed"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("pristine")).root


@pytest.fixture
def store(pristine: Path, tmp_path: Path) -> Store:
    return Store(shutil.copytree(pristine, tmp_path / "runs"))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tracking database; making one takes MLflow seconds, so each test has its experiment."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # artifacts of a database go to ./mlruns
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        yield f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture(autouse=True)
def experiment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    return str(request.node.name)


def runs(at: str, experiment: str) -> dict[str, Any]:
    """Each run by the id of its trial."""
    import mlflow

    client = mlflow.MlflowClient(at)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    by_trial = {}
    for one in client.search_runs([found.experiment_id]):
        assert one.data.tags["cifarkit.trial_id"] not in by_trial
        by_trial[one.data.tags["cifarkit.trial_id"]] = one
    return by_trial


def curve(at: str, run_id: str, name: str) -> list[tuple[int, float]]:
    import mlflow

    history = mlflow.MlflowClient(at).get_metric_history(run_id, name)
    return sorted((metric.step, metric.value) for metric in history)


def check(at: str, experiment: str, store: Store) -> None:
    """All complete trials of the store are there, whole, once."""
    import mlflow

    client = mlflow.MlflowClient(at)
    found = runs(at, experiment)
    assert found.keys() == set(store.trial_ids())
    for trial_id, one in found.items():
        record = store.read(trial_id)
        assert record.result is not None
        assert one.info.status == "FINISHED"
        expected = {name: str(value) for name, value in parameters(record.spec).items()}
        assert one.data.params == expected
        assert one.data.metrics["accuracy/test"] == record.result.accuracy.test
        for name in ("loss", "validation_accuracy"):
            rows = [(row["epoch"], row[name]) for row in record.history]
            assert curve(at, one.info.run_id, f"epoch/{name}") == rows
        files = {entry.path for entry in client.list_artifacts(one.info.run_id)}
        assert files >= {"spec.json", "result.json", "history.csv", "figures", "model"}
        (weights,) = client.list_artifacts(one.info.run_id, "model")
        assert weights.file_size == (record.folder / "model.weights.h5").stat().st_size
        figures = {entry.path for entry in client.list_artifacts(one.info.run_id, "figures")}
        assert f"figures/trial-{trial_id}-confusion.png" in figures


def test_pushed_once_and_again(store: Store, database: str, experiment: str) -> None:
    done = ck.push_results("mlflow", store=store.root, at=database)
    assert sorted(done.pushed) == sorted(store.trial_ids())
    check(database, experiment, store)
    before = runs(database, experiment)
    assert before[SOUND].data.tags["cifarkit.study." + store.studies()[0].name] == "seed 2"
    said = cifarkit("store", "push", "--to", "mlflow", "--at", database, "--runs", store.root)
    assert "0 trials pushed; 3 there already" in said.stderr
    assert runs(database, experiment).keys() == before.keys()

    failed = {"status": Status.FAILED, "reason": "no memory", "checksums": {}}
    store.write_state(OTHER, store.state(OTHER).model_copy(update=failed))
    assert ck.push_results("mlflow", store=store.root, at=database).pushed == [OTHER]
    after = runs(database, experiment)
    assert after[OTHER].info.status == "FAILED"
    assert after[OTHER].data.tags["mlflow.note.content"].startswith("no memory")
    assert after[SOUND].info.run_id == before[SOUND].info.run_id


@pytest.mark.parametrize("first_epoch", ["told", "not told", "told otherwise"])
def test_a_run_is_followed_live(
    tmp_path: Path, database: str, experiment: str, first_epoch: str
) -> None:
    import mlflow

    store, callback = Store(tmp_path / "runs"), CALLBACKS.make("mlflow", lambda made: True)
    follow = Callbacks([callback], store.root)
    seen = []

    def tell(event: Any) -> None:
        epoch = getattr(event.payload, "epoch", None)
        if epoch == 1 and first_epoch == "not told":
            return
        follow(event)
        if epoch == 1 and first_epoch == "told otherwise":  # by an attempt that failed
            client = mlflow.MlflowClient(database)
            (one,) = runs(database, experiment).values()
            client.log_metric(one.info.run_id, "epoch/loss", 99.0, step=77)
        if epoch in (1, 10):
            (one,) = runs(database, experiment).values()
            assert one.info.status == "RUNNING"
            seen.append(one.data.metrics["epoch/loss"])

    run(SPECS[:1], store, InProcessLauncher(), work=WORK, on_event=tell)
    history = store.read(SPECS[0].trial_id).history
    if first_epoch == "told":
        assert seen == [history[0]["loss"], history[9]["loss"]]
    check(database, experiment, store)
    assert ck.push_results("mlflow", store=store.root, at=database).pushed == []


def test_the_callback_keeps_its_contract(database: str, experiment: str) -> None:
    check_callback(CALLBACKS.get("mlflow"))
    assert len(runs(database, experiment)) == 3


@pytest.mark.exhaustive
def test_a_server_on_this_machine(store: Store, tmp_path: Path, experiment: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    at = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
         "--backend-store-uri", f"sqlite:///{tmp_path / 'mlflow.db'}", "--workers", "1",
         "--artifacts-destination", str(tmp_path / "artifacts")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(240):
            try:
                assert urlopen(f"{at}/health", timeout=1).read() == b"OK"
                break
            except (URLError, OSError):
                time.sleep(0.5)
        ck.push_results("mlflow", store=store.root, at=at)
        check(at, experiment, store)
        assert ck.push_results("mlflow", store=store.root, at=at).pushed == []
        record = store.read(SOUND)
        import mlflow

        (one,) = (one for trial, one in runs(at, experiment).items() if trial == SOUND)
        file = mlflow.MlflowClient(at).download_artifacts(
            one.info.run_id, "result.json", str(tmp_path)
        )
        assert json.loads(Path(file).read_text()) == json.loads(
            (record.folder / "result.json").read_text()
        )
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_a_server_that_is_down_is_one_line(store: Store) -> None:
    with pytest.raises(ck.CifarkitError, match=r"MLflow at http://127.0.0.1:9: "):
        ck.push_results("mlflow", store=store.root, at="http://127.0.0.1:9")

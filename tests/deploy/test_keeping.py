"""Whose weights a run keeps, and training a trial again for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import cifarkit as ck
from cifarkit.api import run as run_module
from cifarkit.api import train as train_module
from cifarkit.execution.events import Emit
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.store.file_io import check_sum
from cifarkit.store.kept_weights import CANDIDATE, halve, keep
from cifarkit.store.store import KEPT_WEIGHTS, Store
from tests.cli.stubbed import train_nothing
from tests.deploy.conftest import Trained
from tests.execution.whole_work import whole


def offered(folder: Path, emit: Emit) -> None:
    """Like `whole`, with weights that may be kept."""
    whole(folder, emit)
    (folder / KEPT_WEIGHTS).rename(folder / CANDIDATE)


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    train_nothing(monkeypatch)
    works = dict.fromkeys(("best", "final"), f"{__name__}:offered")
    works |= dict.fromkeys(("none", "all"), "tests.execution.whole_work:whole")
    monkeypatch.setattr(run_module, "WORK", works)


def files(results: ck.Results, name: str) -> list[str]:
    return [one for one, record in results.records.items() if (record.folder / name).exists()]


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("policy", ["best", "final"])
def test_the_best_trial_alone_keeps_its_weights(tmp_path: Path, policy: str) -> None:
    study = ck.zoo(["lenet", "simple_cnn"], dataset="synthetic", weights="none", seeds=2)
    results = ck.run(study, tmp_path, keep_weights=policy)  # type: ignore[arg-type]
    (kept,) = files(results, KEPT_WEIGHTS)
    assert not files(results, CANDIDATE)
    store = Store(tmp_path)
    check_sum(store.folder(kept), store.state(kept), KEPT_WEIGHTS)
    assert KEPT_WEIGHTS in store.state(kept).checksums
    again = ck.run(study, tmp_path, keep_weights=policy)  # type: ignore[arg-type]
    assert files(again, KEPT_WEIGHTS) == [kept]


@pytest.mark.usefixtures("untrained")
def test_a_study_of_steps_keeps_its_final_model_or_that_of_each_step(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'name = "two"\ntitle = "Two steps"\n[settings]\ndataset = "synthetic"\nweights = "none"\n'
        '[[step]]\ntitle = "Networks"\nvary.model = ["lenet", "simple_cnn"]\n'
        '[[step]]\ntitle = "Smoothing"\nvary.label-smoothing = [0.1, 0.2]\n'
    )
    final = ck.run(ck.study(plan), tmp_path / "final")
    last = final.studies[-1]
    assert last.choice is not None
    (kept,) = files(final, KEPT_WEIGHTS)
    (arm,) = (arm for arm in last.arms if arm.label == last.choice.arm)
    assert kept in arm.trials
    assert not files(final, CANDIDATE)
    each = ck.run(ck.study(plan), tmp_path / "best", keep_weights="best")
    assert len(files(each, KEPT_WEIGHTS)) == 2
    assert not files(each, CANDIDATE)


@pytest.mark.usefixtures("untrained")
def test_all_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = ck.zoo(["lenet", "simple_cnn"], dataset="synthetic", weights="none")
    assert len(files(ck.run(study, tmp_path / "all", keep_weights="all"), KEPT_WEIGHTS)) == 2
    results = ck.run(study, tmp_path / "none", keep_weights="none")
    for record in results.records.values():
        (record.folder / KEPT_WEIGHTS).rename(record.folder / CANDIDATE)  # of an ended run
    results = ck.run(study, tmp_path / "none", keep_weights="none")
    assert not files(results, CANDIDATE)
    ck.run(study, tmp_path / "none", keep_weights="best")
    assert "trains it again and keeps them" in " ".join(capsys.readouterr().err.split())


def test_a_trial_is_trained_again_to_the_bit(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = shutil.copytree(trained.runs, tmp_path / "runs")
    store = Store(runs)
    with pytest.raises(ck.InvalidInput, match="kept already"):
        ck.train("best", runs)
    file = store.folder(trained.trial_id) / KEPT_WEIGHTS
    before = ck.load_model("best", runs).keras.get_weights()
    file.unlink()
    state = store.state(trained.trial_id)
    store.write_state(trained.trial_id, state.model_copy(update={"checksums": {}}))
    with pytest.raises(ck.InvalidInput, match=f"cifarkit train {trained.trial_id}"):
        ck.load_model("best", runs)
    monkeypatch.setattr(train_module, "create_launcher", lambda *_: InProcessLauncher())
    found = ck.train("best", runs)
    assert found.same_probabilities
    after = ck.load_model("best", runs).keras.get_weights()
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_float16_takes_half_and_predicts_alike(
    trained: Trained, model: ck.LoadedModel, tmp_path: Path
) -> None:
    runs = shutil.copytree(trained.runs, tmp_path / "runs")
    store = Store(runs)
    file = store.folder(trained.trial_id) / KEPT_WEIGHTS
    file.rename(tmp_path / KEPT_WEIGHTS)
    assert keep(store, trained.trial_id, "float16", tmp_path / KEPT_WEIGHTS)
    photos = trained.photos / "test" / "3"
    half = ck.load_model("best", runs).predict(photos).probabilities
    np.testing.assert_allclose(half, model.predict(photos).probabilities, atol=0.01)


def test_what_float16_cannot_hold_stays(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "some.weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["kind"] = "test"
        file["layers/a/vars/0"] = np.float32([1, 0.5])
        file["layers/a/vars/1"] = np.float32([1e5, 1])
        file["layers/b/vars/0"] = np.int32([3])
    halve(path)
    with h5py.File(path) as file:
        assert file.attrs["kind"] == "test"
        kinds = [file[f"layers/{name}"].dtype for name in ("a/vars/0", "a/vars/1", "b/vars/0")]
        assert kinds == ["float16", "float32", "int32"]
        assert file["layers/a/vars/1"][0] == 1e5

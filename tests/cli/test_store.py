"""`cifarkit store`: what is there, whether it is sound, and its way to another machine."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from cifarkit.store.records import Status
from cifarkit.store.store import Store
from tests.cli.command import cifarkit as command_line
from tests.cli.command import in_a_process, table
from tests.reporting.fabricate import Fabricator
from tests.store.test_damage import (
    HURT,
    OTHER,
    SOUND,
    SPECS,
    cifarkit,
    flip,
    make_store,
    study,
    truncate,
)

NASTY = "\x1b[31mred\x1b[0m|<b>\n\\input{x}\tend\x00"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("pristine")).root


@pytest.fixture
def store(pristine: Path, tmp_path: Path) -> Store:
    return Store(shutil.copytree(pristine, tmp_path / "runs"))


def content(root: Path) -> dict[str, bytes]:
    """Every file of a store but what only its machine needs."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in ("lock", "ran")
    }


def test_list_and_show(store: Store) -> None:
    truncate(store.folder(HURT) / "result.json")
    done = command_line("store", "list", "--runs", store.root)
    rows = {row[0]: row for row in table(done.stdout)}
    assert rows[OTHER][:3] == [OTHER, "complete", "LeNet"]
    assert rows[OTHER][3].startswith("synthetic images, image size (px) 32")
    assert rows[OTHER][4:6] == ["0.7050", "0.7000"]
    assert rows[HURT][1].startswith("damaged: result.json")
    shown = command_line("store", "show", OTHER[:5], "--runs", store.root).stdout
    for expected in ("Optimizer", "accuracy.test", "0.7", "Epoch 10", "AMD EPYC", "ant, bee"):
        assert expected in shown
    assert "result.json" in command_line("store", "show", HURT, "--runs", store.root, code=1).stderr
    assert cifarkit("store", "list", "--runs", store.root / "nowhere").exit_code != 0


def test_names_of_every_kind_are_plain_in_list_and_show(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    trial = fabricator.trial({"model": "vgg16"}, None, Status.FAILED, NASTY, log_tail=NASTY * 2)
    for command in (("list",), ("show", trial)):
        done = cifarkit("store", *command, "--runs", tmp_path)
        assert "red|<b> \\input{x} end" in done.stdout
        assert "\x1b" not in done.stdout
        assert "\0" not in done.stdout


def test_check_names_and_repair_sets_aside(store: Store) -> None:
    assert cifarkit("store", "check", "--runs", store.root).exit_code == 0
    flip(store.folder(HURT) / "predictions.npz")
    weights = store.folder(OTHER) / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    state = store.state(SOUND)
    store.write_state(SOUND, state.model_copy(update={"status": Status.RUNNING, "checksums": {}}))
    (path,) = (store.root / "studies").iterdir()
    truncate(path)
    old, new = (store.folder(SOUND) / name for name in (".state.json.abc", ".result.json.def"))
    for leftover in (old, new):
        leftover.write_text("{")
    os.utime(old, (time.time() - 3600,) * 2)
    before = content(store.root)
    checked = cifarkit("store", "check", "--runs", store.root)
    assert checked.exit_code == 1
    lines = checked.stdout.splitlines()
    assert len(lines) == 5
    for said in ("predictions.npz: does not match", "model.weights.h5: does not match",
                 "interrupted; the same", f"{path}: ", ".state.json.abc: is left"):  # fmt: skip
        assert sum(said in line for line in lines) == 1, said
    assert content(store.root) == before

    assert cifarkit("store", "check", "--repair", "--runs", store.root).exit_code == 0
    assert (store.folder(HURT) / "predictions.npz.damaged-1").exists()
    assert weights.with_name("model.weights.h5.damaged-1").exists()
    assert path.with_name(f"{path.name}.damaged-1").exists()
    assert not old.exists()
    assert new.exists()
    assert store.state(SOUND).status is Status.PENDING


def test_a_trial_that_runs_is_neither_checked_nor_removed_nor_exported(
    store: Store, tmp_path: Path
) -> None:
    store.write_state(HURT, store.state(HURT).model_copy(update={"status": Status.RUNNING}))
    with store.lock(HURT):
        assert cifarkit("store", "check", "--repair", "--runs", store.root).exit_code == 0
        done = cifarkit("store", "remove", HURT, "--force", "--runs", store.root)
        assert "is running" in str(done.exception)
        done = cifarkit("store", "export", tmp_path / "a.tar.gz", "--runs", store.root)
        assert f"left out: {HURT}: it is running" in done.stderr
        assert done.exit_code == 1
    assert store.state(HURT).status is Status.RUNNING


def test_remove(store: Store) -> None:
    done = command_line("store", "remove", HURT, "--runs", store.root, code=2)
    assert f"belongs to {store.studies()[0].name}; --force" in done.stderr
    assert "no trial 'ffff'" in str(
        cifarkit("store", "remove", "ffff", "--runs", store.root).exception
    )
    command_line("store", "remove", HURT[:6], "--force", "--runs", store.root)
    assert store.trial_ids() == sorted([OTHER, SOUND])
    assert not store.folder(HURT).exists()
    assert "not run" in cifarkit("report", "--runs", store.root).stdout


def test_there_and_back_again_is_equal(store: Store, tmp_path: Path) -> None:
    first, second, there = tmp_path / "1.tar.gz", tmp_path / "2.tar.gz", tmp_path / "there"
    in_a_process("store", "export", first, "--runs", store.root)
    done = in_a_process("store", "import", first, "--runs", there)
    assert "3 trials, 1 study added; 0 kept" in done.stderr
    assert content(there) == content(store.root)
    cifarkit("store", "export", second, "--runs", there)
    assert first.read_bytes() == second.read_bytes()
    report = cifarkit("report", "--runs", store.root).stdout
    assert cifarkit("report", "--runs", there).stdout == report
    again = cifarkit("store", "import", first, "--runs", there)
    assert "0 trials, 0 studies added; 4 kept" in again.stderr
    assert content(there) == content(store.root)
    refused = cifarkit("store", "export", first, "--runs", there)
    assert "exists" in str(refused.exception)


def test_a_part_takes_the_studies_that_are_whole_in_it(store: Store, tmp_path: Path) -> None:
    small = study(SPECS[:1], "Small").record("").model_copy(update={"name": "small"})
    store.write_study(small)
    cifarkit("store", "export", tmp_path / "a.tar.gz", HURT, "--runs", store.root)
    there = Store(tmp_path / "there")
    cifarkit("store", "import", tmp_path / "a.tar.gz", "--runs", there.root)
    assert there.trial_ids() == [HURT]
    assert [found.name for found in there.studies()] == ["small"]


def test_a_complete_trial_takes_the_place_of_one_that_failed_and_no_other(
    store: Store, tmp_path: Path
) -> None:
    archive, there = tmp_path / "a.tar.gz", Store(tmp_path / "there")
    failed = store.state(SOUND).model_copy(update={"status": Status.FAILED, "checksums": {}})
    store.write_state(SOUND, failed)
    cifarkit("store", "export", archive, "--runs", store.root)
    mine = failed.model_copy(update={"reason": "mine"})
    for spec in SPECS:
        there.add(spec)
        there.write_state(spec.trial_id, mine)
    done = cifarkit("store", "import", archive, "--runs", there.root)
    assert "2 trials, 1 study added; 1 kept" in done.stderr
    assert there.is_complete(HURT)
    assert there.state(SOUND).reason == "mine"
    assert sorted(path.name for path in (there.root / "trials").iterdir()) == sorted(
        [HURT, OTHER, SOUND]
    )


def test_damaged_trials_are_not_exported(store: Store, tmp_path: Path) -> None:
    flip(store.folder(HURT) / "history.csv")
    done = cifarkit("store", "export", tmp_path / "a.tar.gz", "--runs", store.root)
    assert f"left out: {HURT}: history.csv does not match its checksum" in done.stderr
    cifarkit("store", "import", tmp_path / "a.tar.gz", "--runs", tmp_path / "there")
    assert Store(tmp_path / "there").trial_ids() == sorted([OTHER, SOUND])

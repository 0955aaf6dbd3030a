"""Two stores of one study: what one lacks it gets from the other, once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cifarkit.errors import InvalidInput
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.locking import lock
from cifarkit.store import sync as sync_module
from cifarkit.store.maintenance import check
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from cifarkit.store.sync import STAGED, sync
from tests.store.test_damage import HURT, OTHER, SOUND, SPECS, WORK, cifarkit, flip, study

FAILS = "tests.execution.work:raises"


def stores(folder: Path) -> tuple[Store, Store]:
    """Colab has trained the first two trials, the laptop the third; it failed at the second."""
    colab, laptop = Store(folder / "colab"), Store(folder / "laptop")
    run(SPECS[:2], colab, InProcessLauncher(), work=WORK)
    run(SPECS[2:], laptop, InProcessLauncher(), work=WORK)
    run(SPECS[1:2], laptop, InProcessLauncher(), work=FAILS)
    colab.write_study(study(SPECS[:2]).record("one"))
    laptop.write_study(study().record("two"))
    return colab, laptop


def content(store: Store) -> dict[str, bytes]:
    """Every file of the trials that is part of a trial."""
    return {
        str(path.relative_to(store.root)): path.read_bytes()
        for path in store.root.glob("trials/[0-9a-f]*/*")
        if path.is_file() and path.name not in ("lock", "ran")
    }


def test_both_have_all_of_it_and_a_second_time_copies_nothing(tmp_path: Path) -> None:
    colab, laptop = stores(tmp_path)
    done = sync(colab, laptop)
    assert done.into[0].trials == [SOUND]
    assert sorted(done.into[1].trials) == sorted([HURT, OTHER])
    assert done.copied_bytes == sum(
        len(data) for name, data in content(laptop).items() if "log.txt.damaged" not in name
    )
    assert content(colab) == content(laptop)
    for store in (colab, laptop):
        assert all(store.is_complete(spec.trial_id) for spec in SPECS)
        assert not list(check(store))
    again = sync(laptop, colab)
    assert (again.copied_bytes, again.unlike) == (0, [])
    assert not any(given.trials or given.studies or given.refused for given in again.into)


def test_after_an_interruption_what_has_arrived_is_not_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colab, laptop = stores(tmp_path)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sync_module, "take_trial", killed)
        with pytest.raises(KeyboardInterrupt):
            sync(colab, laptop)
    (left,) = laptop.root.glob(f"trials/{STAGED}*")
    has_arrived = Store(colab.root).state(left.name.removeprefix(STAGED)).checksums
    again = sync(colab, laptop)
    files = content(colab)
    assert files == content(laptop)
    arrived = [f"trials/{left.name.removeprefix(STAGED)}/{name}" for name in has_arrived]
    assert len(arrived) == 4
    assert again.copied_bytes == sum(
        len(data) for name, data in files.items() if name not in arrived
    )
    assert not list(laptop.root.glob(f"trials/{STAGED}*"))


def test_what_is_damaged_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    colab, laptop = stores(tmp_path)
    flip(colab.folder(HURT) / "predictions.npz")
    done = sync(colab, laptop)
    assert list(done.into[1].refused) == [HURT]
    assert "does not match its checksum" in done.into[1].refused[HURT]
    assert done.into[1].trials == [OTHER]
    assert not (laptop.folder(HURT) / "result.json").exists()


def test_what_runs_is_left_alone_and_other_results_stay(tmp_path: Path) -> None:
    colab, laptop = stores(tmp_path)
    run(SPECS[:1], laptop, InProcessLauncher(), work=WORK)
    state = laptop.state(HURT)
    sums = {**state.checksums, "result.json": "0" * 64}
    laptop.write_state(HURT, state.model_copy(update={"checksums": sums}))
    running = colab.state(OTHER).model_copy(update={"status": Status.RUNNING})
    colab.write_state(OTHER, running)
    done = sync(colab, laptop)
    assert done.unlike == [HURT]
    assert done.into[1].trials == []
    assert laptop.state(OTHER).status is Status.FAILED


def test_links_are_not_followed(tmp_path: Path) -> None:
    colab, laptop = stores(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    (colab.folder(OTHER) / "log.txt").unlink(missing_ok=True)
    (colab.folder(OTHER) / "log.txt").symlink_to(secret)
    sync(colab, laptop)
    assert not (laptop.folder(OTHER) / "log.txt").exists()


def test_what_is_no_pair_of_stores_is_refused(tmp_path: Path) -> None:
    colab, _ = stores(tmp_path)
    os.symlink(colab.root, tmp_path / "same")
    with pytest.raises(InvalidInput, match="are the same folder; name two stores"):
        sync(colab, Store(tmp_path / "same"))
    with pytest.raises(InvalidInput, match="there are no results in"):
        sync(Store(tmp_path / "a"), Store(tmp_path / "b"))
    with (
        lock(colab.root / "sync.lock"),
        pytest.raises(InvalidInput, match="another process synchronizes"),
    ):
        sync(Store(tmp_path / "new"), colab)


def test_the_command_and_a_new_store(tmp_path: Path) -> None:
    colab, _ = stores(tmp_path)
    done = cifarkit("store", "sync", colab.root, tmp_path / "new")
    assert done.exit_code == 0
    assert "2 trials, 1 study added" in done.stderr
    assert "MB copied" in done.stderr
    shutil.rmtree(colab.root)
    assert cifarkit("store", "sync", tmp_path / "new", colab.root).exit_code == 0
    assert Store(colab.root).is_complete(OTHER)

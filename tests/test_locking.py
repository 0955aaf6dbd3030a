"""Locks where the filesystem has none: whom they keep out, and what becomes of a dead holder's."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from cifarkit import locking
from cifarkit.locking import Lease, lock, trouble

if sys.platform == "win32":
    pytest.skip("Windows' locks are not flock", allow_module_level=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(locking, "STALE_SECONDS", 0.6)


@pytest.fixture(autouse=True)
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "_troubles", {})


def test_flock_is_used_where_it_works(tmp_path: Path) -> None:
    assert trouble(tmp_path) == ""
    assert isinstance(lock(tmp_path / "lock"), FileLock)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails", [True, False])
def test_a_lease_where_it_does_not(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(file: object, operation: int) -> None:
        if fails:
            raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    expected = "flock fails there: Function not implemented" if fails else "flock does not exclude"
    assert trouble(tmp_path).startswith(expected)
    with lock(tmp_path / "lock", timeout=0):
        with pytest.raises(Timeout):
            lock(tmp_path / "lock", timeout=0).acquire()
        (path,) = tmp_path.iterdir()
        assert f"process {os.getpid()} on " in path.read_text()
    assert not list(tmp_path.iterdir())
    with lock(tmp_path / "lock", timeout=0):
        pass


@pytest.mark.parametrize(
    ("options", "local"),
    [("rw,vers=3,nolock,addr=10.0.0.1", True), ("rw,vers=4.2,local_lock=none", False),
     ("rw,local_lock=all", True)],
)  # fmt: skip
def test_locks_that_end_at_this_machine(
    options: str, local: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a shared disk"
    place.mkdir()
    escaped = str(place).replace(" ", "\\040")
    (tmp_path / "mountinfo").write_text(
        "22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
        f"40 22 0:35 / {escaped} rw,relatime shared:2 - nfs server:/export {options}\n"
    )
    monkeypatch.setattr(locking, "_MOUNTS", str(tmp_path / "mountinfo"))
    assert (f"{place} is mounted with" in locking._local_only(place)) is local
    assert locking._local_only(tmp_path) == ""


def test_a_lease_is_kept_while_its_holder_lives_and_taken_over_afterwards(
    tmp_path: Path, quick: None
) -> None:
    path = tmp_path / "lease"
    program = (
        "import sys, time; from pathlib import Path; from cifarkit import locking\n"
        "locking.BEAT_SECONDS = 0.1; locking.Lease(Path(sys.argv[1]), 0).acquire()\n"
        "print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Timeout):
        Lease(path, 2.0).acquire()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    began = time.monotonic()
    with Lease(path, 10.0):
        assert time.monotonic() - began > 0.5
        with pytest.raises(Timeout):
            Lease(path, 0).acquire()
    assert not list(tmp_path.iterdir())


def test_a_holder_that_was_suspended_learns_that_its_lease_is_lost(
    tmp_path: Path, quick: None
) -> None:
    path = tmp_path / "lease"
    suspended = Lease(path, 0).acquire()
    path.write_text("somebody else's")
    until = time.monotonic() + 10
    while not suspended.lost and time.monotonic() < until:
        time.sleep(0.05)
    assert suspended.lost
    suspended.release()
    assert path.read_text() == "somebody else's"

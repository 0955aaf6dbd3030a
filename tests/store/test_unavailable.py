"""What cannot be read is not damaged: it is never set aside, written over or trained again."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit.datasets import cache_folder
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.store.archive import export
from cifarkit.store.file_io import UnavailableFile
from cifarkit.store.store import Store
from tests.cli.command import CIFARKIT, environment
from tests.store.test_damage import FILES, HURT, OTHER, SPECS, WORK, cifarkit, make_store, study

posix = pytest.mark.skipif(sys.platform != "linux", reason="uses Linux' capabilities and limits")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("pristine")).root


@pytest.fixture
def store(pristine: Path, tmp_path: Path) -> Store:
    return Store(shutil.copytree(pristine, tmp_path / "runs"))


def content(store: Store) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in sorted(store.root.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def unreadable(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Opening a file of that name in `HURT`, or of a study, fails; the others can be read."""
    opened = os.open

    def failing(path: Any, *arguments: Any, **named: Any) -> int:
        if os.path.basename(path) == name and (HURT in str(path) or "studies" in str(path)):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *arguments, **named)

    monkeypatch.setattr(os, "open", failing)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE, errno.EMFILE])
@pytest.mark.parametrize("name", FILES)
def test_a_trial_that_cannot_be_read_is_left_alone(
    store: Store, name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(store)
    with monkeypatch.context() as context:
        unreadable(context, name, number)
        done = cifarkit("store", "check", "--repair", "--runs", store.root)
        assert done.exit_code == 1
        assert f"{name}: cannot be read: {os.strerror(number)}" in done.stdout
        with pytest.raises(UnavailableFile, match=f"{name}: cannot be read"):
            run(SPECS, store, InProcessLauncher(), work=WORK)
        report = json.loads(cifarkit("report", "--runs", store.root, "--format", "json").stdout)[
            "studies"
        ][0]["arms"]
        assert os.strerror(number) in report[0]["trials"][0]["reason"]
        assert not report[0]["trials"][0]["reason"].startswith("damaged")
    assert content(store) == before
    run(SPECS, store, InProcessLauncher(), work=WORK)
    assert content(store) == before


def test_a_read_that_fails_half_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(store)

    def failing(handle: int, size: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as context:
        context.setattr(os, "read", failing)
        with pytest.raises(UnavailableFile):
            store.is_complete(HURT)
    assert content(store) == before


def test_a_study_that_cannot_be_read_is_not_written_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(store)
    (path,) = store.study_paths()
    with monkeypatch.context() as context:
        unreadable(context, path.name, errno.EIO)
        done = cifarkit("store", "check", "--repair", "--runs", store.root)
        assert f"{path}: cannot be read: Input/output error" in done.stdout
        with pytest.raises(UnavailableFile):
            store.write_study(study().record("the same command again"))
    assert content(store) == before


def process(*arguments: str | Path, first: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CIFARKIT, *map(str, arguments)],
        preexec_fn=first,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )


def obey_permissions() -> None:
    """Give up the right of `root` to read and write what nobody may."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        drop, dac_override, dac_read_search = 24, 1, 2
        assert libc.prctl(drop, dac_override, 0, 0, 0) == 0
        assert libc.prctl(drop, dac_read_search, 0, 0, 0) == 0


@posix
@pytest.mark.parametrize("what", ["file", "trial", "trials"])
def test_without_permission(store: Store, what: str) -> None:
    before = content(store)
    folder = store.folder(HURT)
    path = {"file": folder / "result.json", "trial": folder, "trials": folder.parent}[what]
    path.chmod(0)
    try:
        for command in (("store", "check", "--repair"), ("store", "list"), ("report",)):
            done = process(*command, "--runs", store.root, first=obey_permissions)
            assert "Permission denied" in done.stdout + done.stderr, command
            assert "Traceback" not in done.stderr
            assert "are intact" not in done.stderr
    finally:
        path.chmod(0o755)
    assert content(store) == before


@posix
def test_with_few_open_files(store: Store) -> None:
    before = content(store)
    codes = set()
    for most in range(4, 12):

        def limit(most: int = most) -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

        done = process("store", "check", "--repair", "--runs", store.root, first=limit)
        codes.add(done.returncode)
        assert "set aside" not in done.stdout
        assert content(store) == before, most
    assert 1 in codes  # some limit was too low, and said so


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(0o002, 0o664, 0o775), (0o022, 0o644, 0o755)]
)
def test_files_have_the_modes_that_the_umask_asks_for(
    umask: int, file: int, folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARKIT_CACHE", str(tmp_path / "cache"))
    before = os.umask(umask)
    try:
        store = make_store(tmp_path / "runs")
        export(store, tmp_path / "archive.tar.gz", [OTHER])
        cache_folder.write("entry", {"array": np.zeros(3)})
    finally:
        os.umask(before)
    for path in tmp_path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (folder if path.is_dir() else file), path

"""Standard streams that are full, closed, gone or of another encoding, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarkit.store.records import Status
from cifarkit.store.store import Store
from tests.cli.command import CIFARKIT, environment
from tests.store.test_damage import make_store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
FULL = "cifarkit: standard output cannot be written: No space left on device"
CLOSED = "cifarkit: standard output cannot be written: it is closed"
ZOO = "zoo --models lenet --dataset synthetic --weights none --classes 4 --train-per-class 20 "


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("streams") / "runs").root


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """A command line in which `cifarkit` is the program."""
    line = line.replace("cifarkit", " ".join(CIFARKIT))
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, env=environment() | variables, timeout=300
    )


@pytest.mark.parametrize(
    "command", ["report", "report --format csv", "store list", "evaluate best"]
)
@pytest.mark.parametrize(("to", "message"), [("> /dev/full", FULL), (">&-", CLOSED)])
def test_a_document_that_cannot_be_written_is_one_error(
    runs: Path, command: str, to: str, message: str
) -> None:
    done = shell(f"cifarkit {command} --runs {runs} {to}")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == message
    assert b"Traceback" not in done.stderr
    assert b"ignored" not in done.stderr


@pytest.mark.parametrize("to", ["2> /dev/full", "2>&-", "2>&- >&-", "2>&- >&- <&-"])
def test_a_message_that_cannot_be_written_changes_no_exit_code(to: str) -> None:
    done = shell(f"cifarkit report --runs nowhere {to}")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.parametrize(
    "format",
    [
        "html",
        "csv",
        *(pytest.param(f, marks=pytest.mark.exhaustive) for f in ("markdown", "latex")),
    ],
)
def test_documents_are_utf8_in_every_locale(runs: Path, format: str) -> None:
    command = f"cifarkit report --runs {runs} --format {format}"
    expected = shell(command, PYTHONIOENCODING="utf-8").stdout
    if format in ("markdown", "html"):
        assert not expected.decode("utf-8").isascii()
    for variables in (
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ):
        done = shell(command, **variables)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == expected


def test_head_is_quiet(runs: Path) -> None:
    done = shell(
        f"set -o pipefail; cifarkit report --format html --figures {runs.parent}/f --runs {runs}"
        " | head -c 10"
    )
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 10, b"")


@pytest.mark.slow
def test_a_training_outlives_its_terminal(tmp_path: Path) -> None:
    """What a disowned run meets when its terminal is closed: every write is an input/output error.

    The table cannot be written either, and that is an error at the end.
    """
    master, terminal = os.openpty()
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            [*CIFARKIT, *ZOO.split(), "--epochs", "3", "--runs", tmp_path],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=terminal,
            env=environment(),
        )
    os.close(terminal)
    assert os.read(master, 1)  # the bars are there
    os.close(master)
    assert process.wait(300) == 1
    (record,) = Store(tmp_path).records()
    assert record.state.status is Status.COMPLETE
    assert len(record.history) == 3


@pytest.mark.slow
def test_a_training_without_any_stream(tmp_path: Path) -> None:
    """A file that is opened later must not get a standard stream's number, and its output."""
    done = shell(f"cifarkit {ZOO} --epochs 1 --runs {tmp_path} 2>&- <&-")
    assert done.returncode == 0
    assert b"LeNet" in done.stdout
    (record,) = Store(tmp_path).records()
    assert record.state.status is Status.COMPLETE

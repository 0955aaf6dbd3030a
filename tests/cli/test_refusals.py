"""What no command can use is one message and exit code 2."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarkit.cli.app import run
from tests.cli.command import CIFARKIT, environment
from tests.store.test_damage import make_store

Refused = Callable[..., str]
T = "--dataset synthetic --weights none --classes 4 --train-per-class 20 --epochs 2 --dry-run"
LONG = "a" * 5000
READING = (
    "store list",
    "store check",
    "store check --repair",
    "store studies",
    "store rename a b",
    "store show abcd",
    "store remove abcd",
    "store export x.tar.gz",
    "report",
    "evaluate best",
    "power --difference 1",
)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command in this process; its message, which has to be a single line."""

    def run_it(*command: str | Path) -> str:
        code = run([*map(str, command)])
        out, err = capsys.readouterr()
        assert (code, out) == (2, ""), err
        assert len(err.splitlines()) == 1, err
        assert len(err) < 1000
        return err.strip()

    return run_it


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("refusals") / "runs").root


@pytest.mark.parametrize(
    "command", [*READING, "store import x", "study quick", "zoo", "finetune", "sweep dropout 0 1"]
)
def test_a_path_that_is_not_text(refused: Refused, command: str) -> None:
    assert "'\\udcff' is not text" in refused(*command.split(), "--runs", os.fsdecode(b"\xff"))


def test_a_folder_for_images_that_are_generated(refused: Refused, tmp_path: Path) -> None:
    message = refused(*f"zoo --models lenet --data-dir {tmp_path}".split(), *T.split())
    assert f"--data-dir {tmp_path}: synthetic images are generated" in message


@pytest.mark.parametrize("command", READING)
def test_a_store_that_is_not_there(refused: Refused, command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in ("typo", "file", "."):
        message = refused(*command.split(), "--runs", str(tmp_path / path))
        assert message.startswith(f"cifarkit: --runs: there are no results in {tmp_path}")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", READING)
def test_an_over_long_store(refused: Refused, command: str) -> None:
    assert "File name too long" in refused(*command.split(), "--runs", LONG)


def test_over_long_files(refused: Refused, runs: Path, tmp_path: Path) -> None:
    for command in (
        ["study", LONG],
        ["store", "import", LONG, "--runs", str(tmp_path / "to")],
        ["store", "export", LONG, "--runs", str(runs)],
        ["report", "--figures", LONG, "--runs", str(runs)],
        ["evaluate", f"{LONG}.npz"],
        ["zoo", "--models", "lenet", *T.split(), "--dataset", LONG],
        ["zoo", "--models", "vgg16", *T.split(), "--weights", f"{LONG}.weights.h5"],
    ):
        assert "File name too long" in refused(*command)


@pytest.fixture
def as_another() -> tuple[str, ...]:
    """Runs a command for which permissions count; they do not for root."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and there is no setpriv to change that")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.skipif(os.name != "posix", reason="permissions are another thing there")
def test_what_may_not_be_read(runs: Path, tmp_path: Path, as_another: tuple[str, ...]) -> None:
    def error_of(*command: str | Path) -> str:
        done = subprocess.run(
            [*as_another, *CIFARKIT, *command], capture_output=True, env=environment(), timeout=60
        )
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr
        return " ".join(done.stderr.decode().split())

    folder = tmp_path / "folder"
    shutil.copytree(runs, folder / "runs")
    file = folder / "file.npz"
    file.write_bytes(b"")
    for hidden in (file, folder / "runs" / "trials", folder):
        mode = hidden.stat().st_mode
        hidden.chmod(0)
        try:
            if hidden != folder / "runs" / "trials":
                assert "cannot be read: Permission denied" in error_of("study", file)
                assert "cannot be read: Permission denied" in error_of("evaluate", file)
                assert "read" in error_of("store", "import", file)
            if hidden != file:
                for command in ("store list", "store check", "report"):
                    message = error_of(*command.split(), "--runs", folder / "runs")
                    assert f"--runs: {folder}/runs cannot be read: Permission denied" in message
        finally:
            hidden.chmod(mode)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"zoo --models lenet {T} --seeds 100000", "at most 10,000 trials"),
        (f"zoo --models lenet {T} --image-size -1", "image_size: input should be greater than 0"),
        (f"zoo --models vgg16 {T} --image-size -1", "image_size: "),
        (f"zoo --models lenet {T} --dropout nan", "dropout: "),
        (f"zoo --models lenet {T} --unfreeze nan", "unfreeze: "),
        (f"finetune --model lenet {T} --unfreeze nan", "unfreeze: "),
        (f"zoo --models lenet {T} --head-outputs {2**63}", "head_outputs: "),
        (
            f"sweep --model lenet {T} dropout {' '.join(str(n / 1000) for n in range(1000))} "
            f"lr {' '.join(str(n / 1000) for n in range(1, 1001))}",
            "1,000,000",
        ),
    ],
)
def test_numbers_that_are_none(refused: Refused, command: str, message: str) -> None:
    assert message in refused(*command.split())


@pytest.mark.parametrize("vary", ['model = "kept"', 'model = "kept"\nvary.dropout = [0.5]'])
def test_kept_networks_in_the_first_step(refused: Refused, tmp_path: Path, vary: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'name = "a"\ntitle = "b"\n[[step]]\ntitle = "c"\nvary.{vary}\n')
    assert "no earlier step varied model" in refused("study", str(path), "--dry-run")


@pytest.mark.skipif(os.name != "posix", reason="names are Unicode there")
def test_data_in_a_folder_whose_name_is_not_text(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    (folder / "photos").mkdir(parents=True)
    (folder / "a.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.chdir(folder)
    data = ["zoo", "--models", "lenet", "--dataset", "photos"]
    weights = ["zoo", "--models", "vgg16", *T.split(), "--weights", "a.weights.h5"]
    for command in (data, weights):
        assert "is not UTF-8; rename the folder" in refused(*command)

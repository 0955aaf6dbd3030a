"""Nothing that lies in the current folder is imported, by a command or by what it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarkit.safe_path import child_environment
from tests.cli.command import CIFARKIT, environment

TINY = ("--dataset", "synthetic", "--weights", "none", "--classes", "4", "--train-per-class", "20",
        "--epochs", "1")  # fmt: skip


def plant(folder: Path, *modules: str) -> Path:
    """Modules that leave a file behind when they are imported; their names are in use elsewhere."""
    folder.mkdir()
    for module in modules:
        (folder / f"{module}.py").write_text(f"open({module + '-was-run'!r}, 'w')\n")
    return folder


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CIFARKIT, *arguments],
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_study_runs_among_files_with_the_names_of_modules(tmp_path: Path) -> None:
    names = ("numpy", "queue", "keras", "typer", "PIL", "sitecustomize", "usercustomize")
    folder = plant(tmp_path / "here", *names)
    done = run(folder, "zoo", "--models", "lenet", *TINY)
    assert done.returncode == 0, done.stderr
    done = run(folder, "report", "--figures", "figures")
    assert done.returncode == 0, done.stderr
    assert not list(folder.glob("*-was-run"))


@pytest.mark.parametrize("python_path", [os.pathsep, f".{os.pathsep}/nowhere"])
def test_a_relative_python_path_does_not_lead_there(python_path: str, tmp_path: Path) -> None:
    # Not `sitecustomize`: Python itself runs that one, before any code of ours.
    folder = plant(tmp_path / "here", "numpy", "queue", "typer", "PIL")
    done = run(folder, "zoo", "--list", PYTHONPATH=python_path)
    assert done.returncode == 0, done.stderr
    assert not list(folder.glob("*-was-run"))


def test_processes_of_a_process_import_nothing_from_there_either(tmp_path: Path) -> None:
    folder = plant(tmp_path / "here", "queue")
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import queue'])"
    variables = {"PYTHONPATH": os.pathsep.join(["", "/kept", "relative"])}
    env = child_environment(variables)
    assert env["PYTHONPATH"] == "/kept"
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=env, check=True)
    assert not list(folder.glob("*-was-run"))

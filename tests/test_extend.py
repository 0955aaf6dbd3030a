"""The examples of docs/extend.md, installed as packages: contract test, then a command."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.command import CIFARKIT, environment

DOCUMENT = (Path(__file__).parents[1] / "docs" / "extend.md").read_text()
SECTIONS = {
    heading: body
    for heading, body in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S)
    if "```toml" in body
}


def install(section: str, site: Path) -> dict[str, str]:
    """Write a section's modules and the metadata of their package; the environment to use it."""
    about = site / "example-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: example\nVersion: 1.0\n")
    for name, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", section, re.S):
        (site / name).write_text(code)
    (toml,) = re.findall(r"```toml\n(.*?)```", section, re.S)
    groups = tomllib.loads(toml)["project"]["entry-points"]
    (about / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
            for group, points in groups.items()
        )
    )
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return environment() | {"PYTHONPATH": os.pathsep.join(paths)}


@pytest.mark.parametrize("heading", SECTIONS)
def test_an_example_keeps_its_contract_and_runs(heading: str, tmp_path: Path) -> None:
    section, site = SECTIONS[heading], tmp_path / "site"
    installed = install(section, site)

    def run(*command: str) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, env=installed, cwd=tmp_path, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "left out" not in done.stderr
        return done.stdout

    (test,) = site.glob("test_*.py")
    assert "1 passed" in run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(test))
    (commands,) = re.findall(r"```console\n(.*?)```", section, re.S)
    for command in commands.splitlines():
        written = run(*CIFARKIT, *shlex.split(command.removeprefix("$ cifarkit")))
    results = [*(tmp_path / "runs" / "trials").glob("*/result.json")]
    assert results
    if "cifarkit.datasets" in section:
        assert all(json.loads(path.read_text())["dataset_package"] for path in results)
    if "cifarkit.figures" in section:
        (drawn,) = (tmp_path / "figures").glob("*-gap.png")
        assert f"generalization gap](figures/{drawn.stem}.png)" in written


def test_every_door_has_a_tested_example() -> None:
    listed = set(re.findall(r"^\| [^|]+ \| `(cifarkit\.\w+)` \|", DOCUMENT, re.M))
    shown = set(re.findall(r'^\[project\.entry-points\."(.*?)"\]', DOCUMENT, re.M))
    assert listed == shown

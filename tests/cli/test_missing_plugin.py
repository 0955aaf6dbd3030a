"""Results of a network whose package is gone, and packages that cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cifarkit.specs import identity
from cifarkit.store.store import Store, checksums, write_result
from tests.cli.command import CIFARKIT, environment
from tests.cli.stubbed import cifarkit, train_nothing
from tests.models.plugin import install
from tests.store.test_earlier_store import T

KEY = "tiny"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """One study of LeNet and of a network that no package provides."""
    train_nothing(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert cifarkit("zoo", "--models", "lenet,simple_cnn", *T).exit_code == 0
    store = Store("runs")
    old = next(r for r in store.records() if r.spec.model.model == "simple_cnn")
    result = old.result.model_copy(update={"backbone_package": "tiny-nets 1.0"})  # type: ignore[union-attr]
    write_result(old.folder, result)
    summed = old.state.model_copy(update={"checksums": checksums(old.folder)})
    store.write_state(old.trial_id, summed)
    raw = json.loads((old.folder / "spec.json").read_text())
    raw["model"] |= {"model": KEY, "weights": "advprop"}
    new = store.folder(identity(raw))
    old.folder.rename(new)
    (new / "spec.json").write_text(json.dumps(raw))
    (path,) = Path("runs/studies").glob("*.json")
    text = path.read_text().replace(old.trial_id, new.name).replace("simple_cnn", KEY)
    path.write_text(text.replace("Simple CNN", "Tiny"))
    return store


def test_a_store_needs_no_network(store: Store) -> None:
    assert [record.complete for record in store.records()] == [True, True]
    (study,) = store.studies()
    trial = study.arms[1].trials[0]
    for format in ("markdown", "html", "latex", "csv", "json"):
        done = cifarkit("report", "--format", format)
        assert done.exit_code == 0, done.output
        assert "tiny" in done.stdout
        assert not done.stderr
    report = cifarkit("report").stdout
    assert "no installed package provides the network 'tiny'" in report
    assert "tiny comes from tiny-nets 1.0" in report
    for command in (("list",), ("studies",), ("show", trial), ("check",), ("export", "a.tar.gz")):
        done = cifarkit("store", *command)
        assert done.exit_code == 0, done.output
    assert "no installed package provides it" in cifarkit("store", "show", trial).stdout
    done = cifarkit("store", "import", "a.tar.gz", "--runs", "there")
    assert "2 trials, 1 study added" in done.stderr
    assert cifarkit("report", "--runs", "there").stdout == report
    assert cifarkit("evaluate", trial).exit_code == 0
    assert cifarkit("zoo", "--models", "lenet", *T).exit_code == 0
    for command in (("zoo", "--models", KEY), ("sweep", "lr", "1", "--model", KEY)):
        said = str(cifarkit(*command, *T).exception)
        assert said.startswith("unknown model 'tiny'")
        assert "from the package tiny-nets 1.0: install that" in said
    done = cifarkit("zoo", "--models", KEY, *T, "--runs", "empty")
    assert "needs that package installed" in str(done.exception)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("TINY = [1]", "it gave '1', not a Backbone"),
        ("x = 1", "AttributeError"),
    ],
)
def test_a_broken_plugin_is_named_once_and_breaks_no_command(
    store: Store, tmp_path: Path, code: str, why: str
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    installed = install(folder)
    (folder / "tiny_nets.py").write_text(code)
    for command in (("report",), ("zoo", "--list")):
        done = subprocess.run(
            [*CIFARKIT, *command],
            capture_output=True,
            text=True,
            env=environment() | installed | {"PYTHONWARNINGS": "error"},
        )
        assert done.returncode == 0, done.stderr
        assert "LeNet" in done.stdout
        assert done.stderr.count("plug-in 'tiny' of tiny-nets 1.0 is left out") == 1
        assert why in done.stderr
    assert os.listdir("runs")

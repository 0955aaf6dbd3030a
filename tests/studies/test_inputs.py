"""Data and weights are looked at once, before specs are made of what was found."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import pytest

import cifarkit as ck
from cifarkit.datasets import folder_scan
from cifarkit.datasets.sources import folder
from cifarkit.models import weights_file
from cifarkit.studies.completion import trial_spec
from cifarkit.studies.inputs import Inputs
from tests.cli.stubbed import cifarkit, train_nothing
from tests.datasets.digits import make_digits


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often a folder is scanned, its files are opened, and weights are read."""
    counts = {"scans": 0, "files": 0, "weights": 0}

    def count(module: Any, name: str, what: str) -> None:
        real = getattr(module, name)

        def counted(*args: Any, **options: Any) -> Any:
            counts[what] += 1
            return real(*args, **options)

        monkeypatch.setattr(module, name, counted)

    count(folder, "scan", "scans")
    count(folder_scan.file_hashes, "open_regular", "files")
    count(weights_file, "file_identity", "weights")
    return counts


def write_weights(path: Path) -> Path:
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    return path


def test_specs_of_what_was_looked_at_touch_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_digits(tmp_path, per_class=4)
    weights = write_weights(tmp_path / "start.weights.h5")
    settings = {"model": "resnet8", "dataset": str(root), "weights": str(weights)}
    inputs = Inputs()
    first = trial_spec(inputs, **settings)

    def refuse(*args: Any, **options: Any) -> Any:
        raise AssertionError(f"the disk is touched: {args}")

    stored = first.model_dump_json()
    with monkeypatch.context() as patched:
        for module, name in ((os, "stat"), (os, "lstat"), (os, "open"), (os, "scandir"),
                             (os, "listdir"), (builtins, "open"), (Path, "open")):  # fmt: skip
            patched.setattr(module, name, refuse)
        again = trial_spec(inputs, **settings)
        # As the spec itself names them.
        named = trial_spec(inputs, model="resnet8", dataset="folder", location=str(root))
        other = trial_spec(inputs, **settings, dropout=0.1)
        read = type(first).model_validate_json(stored)
        ids = {spec.trial_id for spec in (first, again, read)}
    assert (again, read) == (first, first)
    assert ids == {first.trial_id}
    assert named.data == first.data
    assert other.trial_id != first.trial_id


def test_twelve_arms_are_planned_from_one_look(tmp_path: Path, looks: dict[str, int]) -> None:
    root = make_digits(tmp_path, per_class=4)
    weights = write_weights(tmp_path / "start.weights.h5")
    study = ck.sweep(
        {"dropout": [0.1, 0.2, 0.3, 0.4], "batch_size": [2, 4, 8]},
        model="mobilenetv2",
        dataset=root,
        weights=str(weights),
    )
    assert len(study.specs()) == 12
    assert looks == {"scans": 1, "files": 40, "weights": 1}
    study.plan(tmp_path / "runs")
    assert looks == {"scans": 1, "files": 40, "weights": 1}


def test_a_command_looks_once_whether_it_runs_or_finds_all_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: dict[str, int]
) -> None:
    train_nothing(monkeypatch)
    root = make_digits(tmp_path, per_class=4)
    words = ("finetune", "--model", "mobilenetv2", "--weights", "none", "--dataset", root,
             "--runs", tmp_path / "runs")  # fmt: skip
    for more in ((), (), ("--dry-run",), ("--dropout", "2")):
        looks["scans"] = 0
        done = cifarkit(*words, *more)
        assert (done.exit_code == 0) != ("--dropout" in more), done.output
        assert looks["scans"] == 1, more


def test_other_inputs_see_what_has_changed(tmp_path: Path) -> None:
    root = make_digits(tmp_path, per_class=4)
    inputs = Inputs()
    before = inputs.data(str(root))
    next(root.rglob("*.png")).unlink()
    assert inputs.data(str(root)) == before
    assert Inputs().data(str(root)).fingerprint != before.fingerprint

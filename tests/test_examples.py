"""The examples do what they say."""

import subprocess
import sys
from pathlib import Path

import pytest

import cifarkit as ck
from tests.cli.command import cifarkit

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.slow
def test_the_study_of_digits(tmp_path: Path) -> None:
    """Reduced: 24 images of each digit, 32 px."""
    root = tmp_path / "digits"
    subprocess.run([sys.executable, EXAMPLES / "digits.py", root], check=True)
    assert {part.name: len([*part.rglob("*.png")]) for part in root.iterdir()} == {
        "train": 600,
        "test": 1197,
    }
    small = ("--train-per-class", "24", "--image-size", "32", "--epochs", "12", "--runs", tmp_path)
    cifarkit("study", EXAMPLES / "digits.toml", "--dataset", root, *small)
    results = ck.open_store(tmp_path)
    assert not results.failed
    assert len(results.records) == 4
    frozen, whole = (
        next(
            record.result.accuracy.test
            for record in results.records.values()
            if record.result and record.spec.model.unfreeze == unfreeze
            and record.spec.model.model == "efficientnet_lite0"
        )
        for unfreeze in (0.0, 1.0)
    )  # fmt: skip
    assert whole > 0.7
    assert whole > frozen

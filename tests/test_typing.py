"""The library's types, as a user's editor and type checker see them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
import pandas as pd
import cifarkit as ck

study = ck.zoo(["lenet"], seeds=3, dataset="photos/", epochs=5, optimizer="adamw", augment=False)
frame: pd.DataFrame = study.plan(store="runs")
results: ck.Results = ck.run(study, store="runs", jobs=2, callbacks=[print])
sentences: list[str] = results.conclusions
accuracy: float = ck.evaluate("best").accuracy
several: ck.Evaluations = ck.evaluate(["mine.csv", "theirs.npz"])
mine: ck.Evaluation = ck.evaluate("mine.csv", class_names=["cat", "dog"])
sizes: ck.PlannedStudy = ck.resize_study(sizes=[32, 96], learning_rate=1e-4)
text: str = ck.report("runs", format="html", path="report.html")
"""
BAD = """
import cifarkit as ck

ck.zoo(["lenet"], epohcs=5)
ck.zoo(["lenet"], optimizer="adan")
ck.finetune(fractions=0.5)
ck.run("zoo")
ck.run(ck.zoo(), keep_weights="some")
ck.open_store("runs").conclusion
"""


@pytest.mark.slow
def test_a_users_script_is_checked_against_our_types(tmp_path: Path) -> None:
    """With no configuration and no cache of ours; what mypy finds in our files is not shown."""
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    root = Path(__file__).parents[1]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache",
         "good.py", "bad.py", str(root / "examples" / "use_from_python.py")],
        capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    lines = [line for line in checked.stdout.splitlines() if ": error:" in line]
    expected = ["epohcs", "Literal['adan']", "Sequence[float]", "PlannedStudy", "Literal['some']",
                "conclusion"]  # fmt: skip
    assert len(lines) == len(expected), checked.stdout + checked.stderr
    for line, part in zip(lines, expected, strict=True):
        assert line.startswith("bad.py:")
        assert part in line

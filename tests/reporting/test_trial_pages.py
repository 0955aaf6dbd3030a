"""The HTML report's chapter on trials: what differs, the curves, and a page with log for each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cifarkit.reporting import trial_pages
from cifarkit.reporting.document import document
from cifarkit.store.records import Status
from cifarkit.store.study_records import Arm
from cifarkit.text import without_folders
from tests.reporting.fabricate import Fabricator, result


@pytest.fixture
def store(tmp_path: Path) -> tuple[Any, Any]:
    fabricator = Fabricator(tmp_path)
    arms = []
    for dropout in (0.15, 0.25, 0.5):
        settings = {"model": "vgg16", "dropout": dropout}
        if dropout == 0.5:
            trial = fabricator.trial(settings, None, Status.FAILED, "crashed", log_tail="kept line")
        else:
            trial = fabricator.trial(settings, result())
        arms.append(Arm(label=str(dropout), settings={"dropout": dropout}, trials=(trial,)))
    last = '\x1b[1m<img src=x>\x1b[0m File "/home/a b/c.py" https://x.org/y/z'
    log = "\n".join(["first line", *(f"line {n}" for n in range(30)), last])
    (fabricator.store.folder(arms[0].trials[0]) / "log.txt").write_text(log, encoding="utf-8")
    return [fabricator.study("dropout", "sweep", ["dropout"], arms)], fabricator.records()


def test_trials_are_compared_by_what_differs_and_have_a_page_each(store: Any) -> None:
    studies, records = store
    text = document(studies, records, format="html")
    table = re.search(r'<table id="trials".*?</table>', text, re.S)
    assert table
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', table[0])
    assert heads == ["Trial", "Status", "Dropout", "Validation accuracy", "Test accuracy"]
    assert re.findall(r"<td>(0\.\d+)</td>", re.sub(' data-value="[^"]*"', "", table[0])) == [
        "0.15",
        "0.25",
        "0.5",
    ]
    pages = re.findall(r'<details id="trial-(\w+)">(.*?)</details>', text, re.S)
    ids = [arm.trials[0] for arm in studies[0].arms]
    assert [name for name, _ in pages] == ids
    first, second, third = (page for _, page in pages)
    log = re.search("<pre>(.*?)</pre>", first, re.S)
    assert log
    assert log[1].splitlines() == [f"line {n}" for n in range(11, 30)] + [
        "&lt;img src=x&gt; File &quot;…/c.py&quot; https://x.org/y/z"
    ]
    assert "the log cannot be read: No such file" in second
    assert "kept line" in third
    for page in (first, second, third):
        assert "environment.cpu" in page or page is third
        assert str(records[ids[0]].folder.parent) not in page
    assert "dropout 0.5" in text[text.index(f'<details id="trial-{ids[2]}"') :][:200]
    # Only finished trials have curves, overlaid under the names that the table tells apart.
    drawn = re.findall(r'data-series="(\w{6} dropout [\d.]+)"', text)
    assert drawn == [f"{ids[0][:6]} dropout 0.15", f"{ids[1][:6]} dropout 0.25"]


def test_what_has_no_page_is_said(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_pages, "MOST_PAGES", 2)
    monkeypatch.setattr(trial_pages, "MOST_CURVES", 1)
    text = document(*store, format="html")
    assert text.count("<details") == 2
    assert "The first 2 of 3 trials have a page below" in text
    assert "; the 1 highest of 2" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("saved to /data/me/runs/a.npz: ok", "saved to …/a.npz: ok"),
        ("(~/x/y.py:3)", "(…/y.py:3)"),
        (r"at C:\Users\me\net.py, line 3", "at …/net.py, line 3"),
        ("'/home/a b/my net.py'", "'…/my net.py'"),
        ("file:///home/me/a.py", "…/a.py"),
        ("see https://keras.io/api/a, 3/4/5 or a/b/c.cc:12", None),
        ("/tmp is full", None),
    ],
)
def test_folders_of_a_machine_are_left_out(text: str, expected: str | None) -> None:
    assert without_folders(text) == (text if expected is None else expected)

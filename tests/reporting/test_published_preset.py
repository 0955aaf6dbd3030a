"""The report of the published preset: 13 networks and six tables beside the published numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cifarkit.reporting.document import document
from cifarkit.store.records import TrialRecord
from cifarkit.store.study_records import StudyRecord
from tests.reporting.published_preset import published_preset
from tests.reporting.test_formats import markdown_tables

NUMBERS = json.loads((Path(__file__).parents[1] / "vectors" / "published.json").read_text())

Stored = tuple[list[StudyRecord], dict[str, TrialRecord]]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    store, studies = published_preset(tmp_path_factory.mktemp("preset"))
    return studies, {record.trial_id: record for record in store.records()}


def plain_cell(text: str) -> str:
    return text.replace(",", "")


def test_tables_have_the_published_headings_names_and_order(stored: Stored) -> None:
    tables = markdown_tables(document(*stored))
    one, memory, parameters, time, accuracy, _augmentation, three, four, _patience, six, five = (
        tables[:11]
    )
    assert one[0] == ["Model", "Memory usage (MB)", "Total Parameters", "Time (sec)", "Accuracy"]
    assert [row[0] for row in one[2:]] == [row["model"] for row in NUMBERS["table1_zoo"]]
    for table in (memory, parameters, time, accuracy):
        assert table[0] == ["Model", "32 px", "78 px", "96 px", "128 px"]
        assert [row[0] for row in table[2:]] == ["DenseNet169", "DenseNet201"]
    assert three[0] == [
        "Setting", "Memory usage (MB)", "trainable parameters", "Time (sec)", "Accuracy",
    ]  # fmt: skip
    published = [row["setting"] for row in NUMBERS["table3_finetune"]]
    assert [row[0] for row in three[2:]] == [*published, "unfreeze all"]
    assert four[0] == ["Dropout", "Time (sec)", "Accuracy"]
    assert five[0] == ["Batch size", "epochs", "Memory usage (MB)", "Time (sec)", "Accuracy"]
    assert six[0] == ["Learning rate", "epochs", "Time (sec)", "Accuracy"]
    shown = ["5e-6", "1e-5", "2.5e-5", "5e-5", "1e-4", "5e-4", "5e-3"]
    assert [row[0] for row in six[2:]] == shown
    assert list(map(float, shown)) == [row["learning_rate"] for row in NUMBERS[
        "table6_learning_rate"]]  # fmt: skip


def test_published_numbers_stand_beside_ours_and_agree_where_they_must(stored: Stored) -> None:
    text = document(*stored, published=True)
    one = markdown_tables(text)[0]
    for row, theirs in zip(one[2:], NUMBERS["table1_zoo"], strict=True):
        numbers = [float(plain_cell(cell)) for cell in row[1:]]
        assert numbers[1::2] == [
            theirs["memory_mb"], theirs["total_params"], theirs["time_s"], theirs["accuracy"],
        ]  # fmt: skip
        assert (numbers[0::2][:2] == numbers[1::2][:2]) == (theirs["model"] != "Custom CNN")
        assert numbers[4] == pytest.approx(2 * theirs["time_s"], abs=0.01)
        assert numbers[6] == pytest.approx(theirs["accuracy"] + 0.01, abs=1e-3)
    assert "As published to the digit in 12 of 13 rows: memory usage (MB) and total param" in text
    assert "ResNet in the published study is ResNet50 here." in text
    assert text.count("crashed") >= 2


def test_the_raw_text_of_the_appendix_reads_well(stored: Stored) -> None:
    text = document(*stored)
    assert "&lt;" not in text
    assert not re.search(r"\de-0\d", text)
    assert "0.000025" not in text
    assert len(text.splitlines()) < 250

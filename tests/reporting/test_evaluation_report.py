"""The document of one trial: numbers that one can count by hand, and names that break nothing."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.metrics import wilson_interval
from cifarkit.reporting.document import document
from cifarkit.reporting.document_model import Figure, Paragraph, Section, Table
from cifarkit.reporting.evaluation_report import evaluation, evaluation_sections
from cifarkit.reporting.evaluation_scores import Scores, of_file, of_trial
from cifarkit.reporting.formatting import GAP
from cifarkit.store.records import Status
from cifarkit.store.study_records import Arm
from tests.reporting.evaluated_trials import NAMES, arrays, crowd, save, trial
from tests.reporting.fabricate import Fabricator
from tests.reporting.test_formats import HOSTILE, Page, formulas, markdown_tables


@pytest.fixture
def scores(tmp_path: Path) -> Scores:
    fabricator = Fabricator(tmp_path / "runs")
    return of_trial(fabricator.store.read(trial(fabricator)))


def tables_of(sections: list[Section]) -> dict[str, Table]:
    """By the last word of their names."""
    blocks = [block for section in sections for block in section.blocks]
    return {block.name.split("-")[-1]: block for block in blocks if isinstance(block, Table)}


def words_of(sections: list[Section]) -> str:
    blocks = [block for section in sections for block in section.blocks]
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph))


def sections_of(tmp_path: Path, **changes: Any) -> list[Section]:
    fabricator = Fabricator(tmp_path / "runs")
    record = fabricator.store.read(trial(fabricator, **changes))
    return evaluation_sections([record], figures=False)


def test_headline(tmp_path: Path) -> None:
    """Of four classes there is no top-5."""
    assert tables_of(sections_of(tmp_path))["accuracy"].texts() == [
        ["Test, top 1", "0.70", "0.55 to 0.82", "28", "40"],
        ["Validation, top 1", "0.80", "0.38 to 0.96", "4", "5"],
    ]


def test_confused_pairs_go_both_ways(tmp_path: Path) -> None:
    assert tables_of(sections_of(tmp_path))["pairs"].texts() == [
        ["ant", "bee", "2", "3", "5", "yes"],
        ["car", "bus", "0", "4", "4", "yes"],
        ["ant", "car", "1", "0", "1", "no"],
        ["ant", "bus", "0", "1", "1", "no"],
        ["bee", "bus", "1", "0", "1", "no"],
    ]


def test_superclasses_and_the_share_of_errors_inside(tmp_path: Path) -> None:
    sections = sections_of(tmp_path)
    assert tables_of(sections)["superclasses"].texts() == [
        ["insects", "2", "20", "0.65", "0.90"],
        ["vehicles", "2", "20", "0.75", "0.95"],
    ]
    # 2 + 3 + 4 of 12 errors; by chance one of the three other classes is in the superclass.
    assert "Of 12 errors, 9 (75.0%) stayed inside the superclass" in words_of(sections)
    assert "inside in 33.3% of the cases" in words_of(sections)


def test_classes_from_worst_to_best(tmp_path: Path) -> None:
    rows = tables_of(sections_of(tmp_path))["classes"].texts()
    assert [row[0] for row in rows] == ["bus", "bee", "ant", "car"]
    # 6 images were called a bus, 5 of them rightly: F1 is 10 / (10 + 6).
    assert [row.split(" (")[0] for row in rows[0]] == [
        "bus", "vehicles", "10", "0.50", "0.83", "0.62", "car"
    ]  # fmt: skip
    span = wilson_interval(5, 10, family=4)
    assert rows[0][3] == f"0.50 ({span.low:.2f} to {span.high:.2f})"
    assert rows[3][3].startswith("1.00 (")
    assert rows[3][-1] == GAP


def test_calibration(tmp_path: Path) -> None:
    # One image says 0.9375 and is wrong; 39 say 0.75 and 28 are right.
    # (0.9375 + |28 - 39 * 0.75|) / 40 = 0.0547; the mean is (0.9375 + 29.25) / 40 = 0.7547.
    words = words_of(sections_of(tmp_path))
    assert "is 0.055 (95% interval 0.000 to " in words
    assert "is 0.755, and the accuracy 0.700: the two are not distinguishable" in words


def test_overconfidence_is_called_so(tmp_path: Path) -> None:
    saved = arrays()
    saved["probabilities"] = np.eye(6, dtype=np.float16)[saved["predictions"]]
    assert "the network is overconfident" in words_of(sections_of(tmp_path, saved=saved))


def test_the_most_confident_mistakes_come_first(tmp_path: Path) -> None:
    rows = tables_of(sections_of(tmp_path))["mistakes"].texts()
    assert rows[:2] == [["9", "ant", "car", "0.938"], ["7", "ant", "bee", "0.750"]]
    assert len(rows) == 10


def test_an_image_that_ties_after_rounding_is_judged_by_its_prediction(tmp_path: Path) -> None:
    saved = arrays()
    # The last image is a bus that was called one, though 16 bits cannot tell it from an ant.
    saved["probabilities"][-1] = [0.5, 0, 0, 0.5, 0, 0]
    table = tables_of(sections_of(tmp_path, saved=saved))["mistakes"]
    assert "39" not in [row[0] for row in table.texts()]


def test_outputs_that_are_no_class_are_said(tmp_path: Path) -> None:
    saved = arrays()
    saved["predictions"][:2] = 5
    saved["probabilities"][:2] = np.eye(6, dtype=np.float16)[5]
    sections = sections_of(tmp_path, saved=saved)
    assert "2 images were assigned to an output of the network that is not a class" in (
        words_of(sections)
    )
    assert tables_of(sections)["mistakes"].texts()[0] == ["0", "ant", "(no class)", "1.000"]


def test_what_the_trial_measured_itself_is_said_where_it_differs(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path / "runs")
    made = trial(fabricator)
    assert "The trial itself" not in words_of(
        evaluation_sections([fabricator.store.read(made)], figures=False)
    )
    other = arrays()
    other["predictions"][0] = 1
    other["probabilities"][0] = [0.25, 0.75, 0, 0, 0, 0]
    save(fabricator.store.folder(made) / "predictions.npz", other)
    words = words_of(evaluation_sections([fabricator.store.read(made)], figures=False))
    assert "The trial itself measured top-1 0.7000 and negative log-likelihood 4." in words


def test_the_trial_is_named_with_its_data_and_settings(tmp_path: Path) -> None:
    sections = sections_of(tmp_path, seed=3, epochs=7)
    words = words_of(sections)
    assert re.search(r"Trial [0-9a-f]{12}, 2026-03-14: LeNet, seed 3\. Data: CIFAR-10, 4 cl", words)
    assert "epochs allowed 7;" in words
    assert {section.level for section in sections} == {2}


def test_sections_for_a_larger_document(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    record = fabricator.store.read(trial(fabricator))
    sections = evaluation_sections([record], figures=True, level=3, pairs=1)
    assert {section.level for section in sections} == {3}
    assert len(tables_of(sections)["pairs"].rows) == 1
    drawn = [b.name for s in sections for b in s.blocks if isinstance(b, Figure)]
    assert drawn == [
        f"trial-{record.trial_id}-{kind}" for kind in ("confusion", "class-accuracy", "reliability")
    ]


def test_a_report_scores_every_seed_of_a_single_training(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    better = arrays()
    better["predictions"][7:9] = 0  # two of the ants that were called bees
    ids = (trial(fabricator, seed=0), trial(fabricator, seed=1, saved=better))
    study = fabricator.study("one", "single", [], [Arm(label="LeNet", settings={}, trials=ids)])
    text = document([study], fabricator.records(), full=True)
    (seeds,) = (table for table in markdown_tables(text) if "Macro F1" in table[0])
    assert [row[:2] for row in seeds[2:]] == [
        ["0", "0.70"],
        ["1", "0.75"],
        ["mean of 2 ± sd", "0.72 ± 0.04"],
    ]
    assert text.count("### Most confused pairs") == 1


@pytest.mark.parametrize("groups", [(), ("one",) * 4, NAMES])
def test_groups_that_group_nothing_are_left_out(tmp_path: Path, groups: tuple[str, ...]) -> None:
    sections = sections_of(tmp_path, groups=groups)
    assert "Superclasses" not in [section.title for section in sections]
    found = tables_of(sections)
    assert "Same superclass" not in found["pairs"].headings
    assert "Superclass" not in found["classes"].headings


def test_a_network_without_errors(tmp_path: Path) -> None:
    saved = arrays()
    saved["predictions"] = saved["labels"]
    saved["probabilities"] = np.eye(6, dtype=np.float16)[saved["labels"]]
    sections = sections_of(tmp_path, saved=saved)
    assert "No classes were confused." in words_of(sections)
    assert "There are no errors." in words_of(sections)
    assert "Most confident mistakes" not in [section.title for section in sections]


def test_a_class_without_test_images_comes_last(tmp_path: Path) -> None:
    names, groups = (*NAMES, "moth"), ("insects", "insects", "vehicles", "vehicles", "insects")
    rows = tables_of(sections_of(tmp_path, names=names, groups=groups))["classes"].texts()
    assert rows[-1] == ["moth", "insects", "0", GAP, GAP, GAP, GAP]


def test_json_holds_every_number(scores: Scores) -> None:
    report = json.loads(evaluation(scores, format="json", pairs=2))
    assert f"trial-{report['trial']}" == scores.name
    assert report["test"]["top1"]["accuracy"] == 0.7
    assert report["test"]["top5"] is None
    assert report["metrics"]["balanced_accuracy"]["value"] == pytest.approx(0.7)
    assert report["metrics"]["ece"]["low"] == 0
    span = wilson_interval(28, 40)
    assert (report["test"]["top1"]["low"], report["test"]["top1"]["high"]) == (span.low, span.high)
    assert report["confusion"]["counts"][0] == [7, 2, 1, 0]
    assert report["confused_pairs"][0] == {
        "a": "ant",
        "b": "bee",
        "a_as_b": 2,
        "b_as_a": 3,
        "total": 5,
    }
    assert len(report["confused_pairs"]) == 2
    assert report["superclasses"]["share_inside"] == 0.75
    assert report["calibration"]["expected_error"] == pytest.approx(2.1875 / 40)
    assert len(report["most_confident_mistakes"]) == 12


def test_csv_has_a_row_per_class(scores: Scores) -> None:
    rows = list(csv.DictReader(io.StringIO(evaluation(scores, format="csv"))))
    assert [row["class"] for row in rows] == list(NAMES)
    assert (rows[3]["right"], rows[3]["predicted"], rows[3]["recall"]) == ("5", "6", "0.5")
    assert (rows[3]["most_often_taken_for"], rows[3]["times"]) == ("car", "4")
    assert rows[2]["most_often_taken_for"] == ""


def test_a_file_that_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "my predictions (1).npz"
    saved = arrays()
    del saved["validation_labels"]
    save(path, saved)
    scores = of_file(path)
    assert scores.name == "my-predictions-1"
    text = evaluation(scores, figures_dir=tmp_path / "figures")
    assert "# Evaluation of saved predictions" in text
    assert "which are numbered" in text
    assert "2 classes without a test image: 4 and 5." in text
    assert markdown_tables(text)[2][2] == ["0", "1", "2", "3", "5"]
    assert "Validation" not in text
    assert "not shown: a file of predictions does not hold them" in text


def hostile_scores(tmp_path: Path) -> Scores:
    fabricator = Fabricator(tmp_path / "runs")
    names = tuple(HOSTILE)
    groups = tuple(HOSTILE[number // 2] for number in range(len(names)))
    saved = crowd(len(names), groups=6)
    made = trial(fabricator, names=names, groups=groups, saved=saved, dataset="cifar100")
    return of_trial(fabricator.store.read(made))


def test_hostile_names_break_no_format(tmp_path: Path) -> None:
    scores = hostile_scores(tmp_path)
    markdown = evaluation(scores)
    for table in markdown_tables(markdown):
        assert {len(row) for row in table} == {len(table[0])}
    assert not re.search(r"(?<!\\)<[A-Za-z/!?]", markdown)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", markdown)
    page = Page()
    page.feed(evaluation(scores, format="html"))
    page.close()
    assert not page.open
    assert page.scripts == 1
    assert page.drawings == 3
    for table in page.tables:
        assert {len(row) for row in table} == {len(table[0])}
    latex = evaluation(scores, format="latex")
    assert r"\input{/etc" not in latex
    plainly = re.sub(r"\\[{}]", "", latex)
    assert plainly.count("{") == plainly.count("}")
    rows = list(csv.DictReader(io.StringIO(evaluation(scores, format="csv"))))
    assert len(rows) == len(HOSTILE)
    assert formulas(evaluation(scores, format="csv")) == []
    assert rows[6]["class"] == "'=HYPERLINK(0)"
    report = json.loads(evaluation(scores, format="json"))
    assert [row["class"] for row in report["classes"]] == HOSTILE


def test_a_hundred_rows_of_latex_go_on_over_pages(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    save(path, crowd(100))
    latex = evaluation(of_file(path), format="latex")
    assert latex.count(r"\begin{longtable}") == latex.count(r"\end{longtable}") == 1
    assert latex.count(r"\begin{tabular}") == 4


@pytest.mark.parametrize("status", [Status.OOM, Status.FAILED, Status.RUNNING, Status.PENDING])
def test_a_trial_that_is_not_complete_is_refused(tmp_path: Path, status: Status) -> None:
    fabricator = Fabricator(tmp_path)
    made = fabricator.trial({"model": "lenet"}, state=status, reason="the machine\nwas lost")
    with pytest.raises(InvalidInput, match=rf"not complete \(its status is {status.value}\): \w"):
        of_trial(fabricator.store.read(made))

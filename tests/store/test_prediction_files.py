"""Anybody's predictions: every form gives the same, and what does not fit is one clear refusal."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.reporting.evaluation_scores import of_file
from cifarkit.store.prediction_files import read

NAMES = ("cat", "dog", "owl")
LABELS = np.array([0, 0, 1, 2])
LOGITS = np.log([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.5, 0.25, 0.25]])
PROBABILITIES = np.exp(LOGITS)
PREDICTIONS = PROBABILITIES.argmax(axis=1)


def names_of(labels: np.ndarray) -> np.ndarray:
    return np.array(NAMES)[labels]


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path / "p.npz", **arrays)
    return path / "p.npz"


def csv(path: Path, text: str) -> Path:
    (path / "p.csv").write_text(text)
    return path / "p.csv"


def frame(kind: str, scores: np.ndarray, names: tuple[Any, ...] = NAMES) -> pd.DataFrame:
    columns = {f"{kind}_{name}": scores[:, at] for at, name in enumerate(names)}
    return pd.DataFrame({"label": names_of(LABELS), "prediction": names_of(PREDICTIONS)} | columns)


def check(path: Path, class_names: tuple[str, ...] = ()) -> None:
    found = read(path, class_names)
    assert found.labels.tolist() == LABELS.tolist()
    assert found.predictions.tolist() == PREDICTIONS.tolist()
    assert found.class_names == NAMES
    np.testing.assert_allclose(found.probabilities, PROBABILITIES, atol=1e-3)


def test_every_form_gives_the_same(tmp_path: Path) -> None:
    numbers = {"labels": LABELS, "predictions": PREDICTIONS}
    texts = {"labels": names_of(LABELS), "predictions": names_of(PREDICTIONS)}
    for given in (
        numbers | {"probabilities": PROBABILITIES, "class_names": np.array(NAMES)},
        texts | {"logits": LOGITS, "class_names": np.array(NAMES)},
        numbers | {"logits": LOGITS.astype(np.float32), "class_names": np.array(NAMES, "S")},
        {"labels": LABELS, "logits": LOGITS, "class_names": np.array(NAMES)},
    ):
        check(npz(tmp_path, **given))
    check(npz(tmp_path, **numbers, probabilities=PROBABILITIES), NAMES)
    check(npz(tmp_path, **texts, probabilities=PROBABILITIES), NAMES)
    for kind, scores in (("probability", PROBABILITIES), ("logit", LOGITS)):
        frame(kind, scores).to_csv(tmp_path / "p.csv", index=False)
        check(tmp_path / "p.csv")
    by_number = frame("probability", PROBABILITIES[:, ::-1], (2, 1, 0))
    by_number.to_csv(tmp_path / "p.csv", index=False)
    check(tmp_path / "p.csv", NAMES)


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "p.parquet"
    frame("logit", LOGITS).to_parquet(path)
    check(path)
    integers = frame("probability", PROBABILITIES).assign(label=LABELS, prediction=PREDICTIONS)
    integers.to_parquet(path)
    check(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(InvalidInput, match="not a readable Parquet file"):
        read(path)


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InvalidInput, match="pip install pyarrow"):
        read(tmp_path / "p.parquet")


def test_what_a_spreadsheet_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b'\xef\xbb\xbflabel, prediction\r\n"a, b", "a, b"\r\nc, c\r\n')
    assert of_file(tmp_path / "p.csv").class_names == ("a, b", "c")


def test_names_alone_are_sorted(tmp_path: Path) -> None:
    scores = of_file(csv(tmp_path, "label,prediction\nowl,owl\nNA,owl\nowl,cat\n"))
    assert scores.class_names == ("NA", "cat", "owl")
    assert scores.confusion.counts.tolist() == [[0, 0, 1], [0, 0, 0], [0, 1, 1]]
    assert scores.without_images == [1]
    assert scores.calibration is None
    assert scores.top5 is None


def test_a_label_may_be_a_number_that_is_a_name(tmp_path: Path) -> None:
    path = csv(tmp_path, "label,prediction\n8,3\n3,3\n")
    assert read(path, ("8", "3")).labels.tolist() == [0, 1]
    assert read(path).labels.tolist() == [8, 3]
    assert len(of_file(path).class_names) == 9
    floats = csv(tmp_path, "label,prediction\n1.0,0\n0,0.0\n")
    assert read(floats).labels.tolist() == [1, 0]


def test_labels_of_a_part_of_the_classes(tmp_path: Path) -> None:
    path = npz(tmp_path, labels=names_of(LABELS), predictions=names_of(PREDICTIONS))
    scores = of_file(path, (*NAMES, "pug", "yak"), ("a", "a", "b", "a", "b"))
    assert scores.without_images == [3, 4]
    assert scores.groups is not None
    assert scores.metrics["balanced_accuracy"] == pytest.approx((0.5 + 1 + 0) / 3)


def test_what_is_not_used_or_does_not_agree_is_said(tmp_path: Path) -> None:
    given = {"labels": LABELS, "probs": PROBABILITIES, "probabilities": PROBABILITIES}
    notes = read(npz(tmp_path, **given)).notes
    assert notes == (
        "Not used: probs.",
        "The file has no predictions: the outputs of the highest scores are taken.",
    )
    path = npz(tmp_path, labels=LABELS, predictions=[1, 1, 1, 0], probabilities=PROBABILITIES)
    (note,) = read(path).notes
    assert note.startswith("In 1 row the prediction is not the output of the highest probability")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a readable CSV file"),
        ("truth,prediction\n0,1\n", "lacks the column 'label'; it has truth, prediction"),
        ("label;prediction\n0;1\n", r"it has label;prediction \(are they separated by commas\?\)"),
        ("label,prediction,label\n0,1,0\n", "has the column 'label' more than once"),
        (
            "label,probability_0,probability_0\n0,0.5,0.5\n",
            "has the column 'probability_0' more than once",
        ),
        ("label\n0\n", "no predictions, probabilities or logits"),
        ("label,prediction\n", "n > 0"),
        ("label,prediction\n0,1\n,1\n", "row 2 has no label"),
        ("label,prediction\ncat,1\n", "the labels are names of classes, the others are numbers"),
        ("label,prediction\n0,1\n-1,1\n", "--class-names"),
        ("label,prediction\n9000,1\n", "9,001 classes; up to 5,000"),
        ("label,probability_0,probability_1\n0,0.5,x\n", "column 'probability_1' must be a number"),
        ("label,probability_0,probability_1\n0,0.9,0.6\n", "row 1 sum to 1.500, not 1; .* logits"),
        ("label,logit_0,logit_1\n0,0.9,inf\n", "logits must be finite"),
        ("label,logit_0,probability_0\n0,0.9,1\n", "probabilities and logits: give one"),
        ("label,probability_cat,probability_dog\nowl,0.5,0.5\n", "unknown label 'owl'; known: cat"),
        ("label,prediction\n0,1,7\n1,1,8\n", "does not match length of data"),
        ("label,prediction\n0,1\n1\n", "row 2 has no prediction"),
    ],
)
def test_malformed_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = csv(tmp_path, text)
    with pytest.raises(InvalidInput, match=message) as refusal:
        of_file(path)
    assert str(path) in str(refusal.value)


ODD: list[Any] = [
    LABELS,
    LABELS.astype(float),
    LABELS[:3],
    LABELS[:, None],
    np.array(-1),
    np.array([]),
    np.array(["cat", "", "7", "-3"]),
    np.array([b"\xff", b"cat", b"1e9", b"nan"]),
    np.array([2**63] * 4, np.uint64),
    np.full((4, 3), np.nan),
    np.full((4, 3), -np.inf, np.float16),
    np.zeros((4, 0)),
    np.zeros((4, 3), complex),
    np.zeros((4, 3, 2)),
    np.array([["a", "b"]]),
    PROBABILITIES,
    LOGITS.astype(np.float16),
]


def test_any_arrays_are_evaluated_or_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sound = {
        "labels": LABELS,
        "predictions": names_of(PREDICTIONS),
        "probabilities": PROBABILITIES,
        "logits": LOGITS,
        "class_names": np.array(NAMES),
    }
    evaluated = 0
    for _ in range(400):
        given = {name: array for name, array in sound.items() if rng.random() < 0.7}
        odd = list(sound)[rng.integers(len(sound))]
        path = npz(tmp_path, **given | {odd: ODD[rng.integers(len(ODD))]})
        with contextlib.suppress(InvalidInput):
            of_file(path)
            evaluated += 1
    assert evaluated


def test_any_table_is_evaluated_or_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cells = ["0", "1", "cat", "", "-1", "1e400", "nan", '"', "0.5", "1.0", "\x00", "é", "9" * 30]
    columns = ["label", "prediction", "probability_0", "probability_1", "logit_cat", "label"]
    for _ in range(300):
        header = [columns[rng.integers(len(columns))] for _ in range(3)]
        rows = [[cells[rng.integers(len(cells))] for _ in range(3)] for _ in range(3)]
        path = csv(tmp_path, "\n".join(map(",".join, [header, *rows])))
        with contextlib.suppress(InvalidInput):
            of_file(path)


def test_other_refusals(tmp_path: Path) -> None:
    given = {"labels": LABELS, "predictions": PREDICTIONS}
    with pytest.raises(InvalidInput, match=r"read from \.npz, \.csv or \.parquet files"):
        read(tmp_path / "p.json")
    with pytest.raises(InvalidInput, match="there is no file"):
        read(tmp_path / "p.csv")
    with pytest.raises(InvalidInput, match="names its classes itself"):
        read(npz(tmp_path, **given, class_names=np.array(NAMES)), ("cat", "owl", "dog"))
    with pytest.raises(InvalidInput, match="two classes have the same name"):
        read(npz(tmp_path, **given, class_names=np.array(["a", "a", "b"])))
    texts = {"labels": names_of(LABELS), "predictions": names_of(PREDICTIONS)}
    with pytest.raises(InvalidInput, match="which output is which class is not known"):
        read(npz(tmp_path, **texts, probabilities=PROBABILITIES))
    (tmp_path / "p.csv").write_bytes(b"label,prediction\n\xff\xfe,1\n")
    with pytest.raises(InvalidInput, match="not a readable CSV file"):
        read(tmp_path / "p.csv")

"""Inference times: measured in a process of their own, kept with the trial, shown in the report."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cifarkit as ck
from cifarkit.deploy import inference_time, loading
from cifarkit.profiling.measurements import InferenceTime
from cifarkit.reporting.figures.latency import charts
from cifarkit.reporting.inference import tables
from cifarkit.reporting.study_view import StudyView
from cifarkit.store import inference
from cifarkit.store.file_io import read_model
from cifarkit.store.store import Store
from cifarkit.store.trials import read_all
from cifarkit.testing.study import study_view
from tests.cli.command import cifarkit, table
from tests.deploy.conftest import Trained
from tests.deploy.test_serving import a_model, by_colour
from tests.store.test_damage import SOUND, make_store


def measured(p50_ms: float, **changes: Any) -> InferenceTime:
    fields: dict[str, Any] = {
        "runtime": "onnx", "batch_size": 1, "p50_ms": p50_ms, "p95_ms": 2 * p50_ms,
        "p99_ms": 3 * p50_ms, "images_per_second": 1000 / p50_ms, "calls": 50,
        "load_seconds": 1.0, "peak_rss_mb": 100.0, "size_bytes": 2_500_000, "cpu": "AMD EPYC",
        "cpu_cores": 2, "load_average": 0.1, "versions": {"onnxruntime": "1.20"},
        "measured_at": datetime(2026, 3, 14, tzinfo=UTC),
    }  # fmt: skip
    return InferenceTime(**(fields | changes))


def test_a_call_is_timed_after_those_to_warm_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first calls are slow; what follows takes 2 ms, and each twentieth 20 ms."""
    calls = []

    def run(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        calls.append(len(images))
        slow = 0.2 if len(calls) < 3 else 0.02 if len(calls) % 20 == 0 else 0.002
        time.sleep(slow)
        return by_colour(images)

    monkeypatch.setattr(loading, "of_export", lambda path: a_model(run))
    inference_time.measure(
        tmp_path, lambda event: None, export="x", trial=None, batch_size=3, seconds=0.5,
        load_average=1.5,
    )  # fmt: skip
    found = read_model(tmp_path / "measured.json", InferenceTime)
    assert set(calls) == {3}
    assert 50 <= found.calls < len(calls) - 5
    assert 2 <= found.p50_ms <= found.p95_ms <= found.p99_ms
    assert found.p99_ms >= 20
    assert found.images_per_second <= 3 / 0.002
    assert found.load_seconds >= 0.2
    assert (found.runtime, found.size_bytes, found.load_average) == ("onnx", 10, 1.5)
    assert found.peak_rss_mb > 20


def test_a_measurement_replaces_its_like_alone(tmp_path: Path) -> None:
    other = measured(5, batch_size=32)
    inference.add(tmp_path, [measured(4), other])
    inference.add(tmp_path, [measured(3), measured(9, cpu="Intel")])
    assert inference.read(tmp_path) == (measured(3), other, measured(9, cpu="Intel"))


def test_a_damaged_file_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(tmp_path)
    inference.add(store.folder(SOUND), [measured(3)])
    assert read_all(store, [SOUND])[SOUND].inference == (measured(3),)
    assert store.is_complete(SOUND)
    assert ck.check_store(store.root) == []
    path = store.folder(SOUND) / "inference.json"
    path.write_text(path.read_text()[:50])
    assert read_all(store, [SOUND])[SOUND].inference == ()
    assert "left out" in caplog.text


def view_with(times: dict[int, list[InferenceTime]]) -> StudyView:
    """Three networks of accuracies 0.505, 0.545 (its last one failed), by arm."""
    view = study_view("model", "image_size")
    records = dict(view.records)
    for number, found in times.items():
        trial = view.study.arms[number].trials[0]
        records[trial] = replace(records[trial], inference=tuple(found))
    return replace(view, records=records)


def test_the_chart_has_the_pareto_front() -> None:
    """Arms become more accurate: the third is slower than the fourth, so it is behind."""
    many = {0: [measured(1)], 1: [measured(2)], 2: [measured(9), measured(30, batch_size=32)]}
    chart = charts(view_with(many | {3: [measured(5)]}))["latency-onnx"]
    assert [bubble.cost for bubble in chart.bubbles] == [1, 2, 9, 5]
    assert chart.front == (0, 1, 3)
    assert (chart.cost, chart.unit) == ("Latency", "ms")
    assert "onnx, batch 1, AMD EPYC, 2 cores" in chart.title
    absent = view_with({}).results[4].name
    assert f"Not measured: {absent}." in chart.footnote


def test_only_what_was_measured_alike_is_in_one_chart() -> None:
    assert charts(view_with({0: [measured(1)]})) == {}
    assert charts(view_with({0: [measured(1)], 1: [measured(2, cpu="Intel")]})) == {}
    assert charts(view_with({0: [measured(1)], 1: [measured(2, runtime="keras")]})) == {}
    view = view_with({0: [measured(1)], 1: [measured(2, load_average=1.5)]})
    assert "running during 1 of 2 measurements (load average 1.5)" in (
        charts(view)["latency-onnx"].footnote
    )


def test_the_table_has_every_measurement() -> None:
    view = view_with({0: [measured(1.25)], 1: [measured(2, cpu="Intel", batch_size=8)]})
    (found,) = tables(view)
    assert [row[1:9] for row in found.texts()] == [
        ["onnx", "1", "1.25", "2.50", "3.75", "800", "100", "2.50"],
        ["onnx", "8", "2.00", "4.00", "6.00", "500", "100", "2.50"],
    ]
    assert [row[-1] for row in found.texts()] == ["AMD EPYC, 2 cores", "Intel, 2 cores"]
    assert tables(study_view("model")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"batch": [0]}, "--batch: give whole numbers from 1 to 65536, got 0"),
        ({"runtime": "tflite"}, "unknown --runtime 'tflite'"),
        ({"models": "all"}, "all --study NAME"),
        ({"models": "best", "study": "zoo"}, "all --study NAME"),
        ({}, "there are no results in nowhere"),
    ],
)
def test_bad_input(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ck.InvalidInput, match=said):
        ck.bench(store="nowhere", **arguments)


@pytest.mark.exhaustive
def test_a_trial_in_several_runtimes_and_its_export(trained: Trained, tmp_path: Path) -> None:
    runs = shutil.copytree(trained.runs, tmp_path / "runs")
    done = cifarkit(
        "bench", trained.trial_id, "--runs", runs, "--batch", "1,4", "--runtime", "keras,onnx"
    )
    rows = table(done.stdout)[1:]
    assert [row[2:4] for row in rows] == [
        ["keras", "1"], ["keras", "4"], ["onnx", "1"], ["onnx", "4"],
    ]  # fmt: skip
    for row in rows:
        p50, p95, p99 = map(float, row[4:7])
        assert 0 < p50 <= p95 <= p99
    kept = inference.read(Store(runs).folder(trained.trial_id))
    assert [(one.runtime, one.batch_size) for one in kept] == [
        (row[2], int(row[3])) for row in rows
    ]
    # TensorFlow is in the process of the Keras model alone.
    assert kept[2].peak_rss_mb < kept[0].peak_rss_mb / 2
    assert "| onnx" in cifarkit("report", "--full", "--runs", runs).stdout

    exported = ck.export(trained.trial_id, runs, format="onnx", output=tmp_path / "model")
    alone = ck.bench(str(exported.folder), tmp_path / "elsewhere", batch=2)
    assert [one.measured.runtime for one in alone.rows] == ["onnx"]
    assert list(alone.to_dataframe()["batch_size"]) == [2]
    assert not (tmp_path / "elsewhere").exists()

"""Measures a trained network's inference, as the work of a process of its own."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from cifarkit.deploy import loading
from cifarkit.deploy.model import LoadedModel
from cifarkit.execution.events import Emit, PhaseChanged
from cifarkit.profiling.environment import cpu_model, usable_cores
from cifarkit.profiling.measurements import InferenceTime
from cifarkit.profiling.memory import peak_rss_mb
from cifarkit.store.file_io import write_model
from cifarkit.store.store import Store

WORK = "cifarkit.deploy.inference_time:measure"
MEASURED = "measured.json"
_PACKAGES = {
    "keras": ("keras", "tensorflow"), "savedmodel": ("tensorflow",), "onnx": ("onnxruntime",),
    "litert": ("ai-edge-litert",),
}  # fmt: skip
_WARM_UP_SECONDS, _WARM_UP_CALLS = 1.0, 5
_CALLS = 50
"""At least so many calls are measured, unless they take longer than `_MOST_SECONDS`."""
_MOST_SECONDS = 60.0


def measure(
    folder: Path,
    emit: Emit,
    *,
    export: str | None,
    trial: str | None,
    batch_size: int,
    seconds: float,
    load_average: float,
) -> None:
    """Time calls on random images and write `measured.json`.

    Args:
        folder: Where to write.
        emit: Called as it proceeds.
        export: An exported model's folder.
        trial: A trial's folder, if it is no export.
        batch_size: Images per call.
        seconds: How long to measure at least.
        load_average: Of the machine before this process began.
    """
    emit(PhaseChanged("load"))
    began = time.perf_counter()
    model = _load(export, trial)
    images = np.random.default_rng(0).integers(
        0, 256, (batch_size, *model.native_size, 3), np.uint8
    )
    model.probabilities(images)
    load_seconds = time.perf_counter() - began

    emit(PhaseChanged("warm up"))
    began, calls = time.perf_counter(), 0
    while calls < _WARM_UP_CALLS or time.perf_counter() - began < min(_WARM_UP_SECONDS, seconds):
        model.probabilities(images)
        calls += 1
    emit(PhaseChanged("measure"))
    latencies: list[float] = []
    begin = time.perf_counter()
    while (past := time.perf_counter() - begin) < seconds or len(latencies) < _CALLS:
        if past > max(_MOST_SECONDS, seconds):
            break
        start = time.perf_counter()
        model.probabilities(images)
        latencies.append(time.perf_counter() - start)
    p50, p95, p99 = (float(1000 * value) for value in np.percentile(latencies, (50, 95, 99)))
    runtime = "keras" if model.format == "trial" else model.format
    write_model(
        folder / MEASURED,
        InferenceTime(
            runtime=runtime,
            batch_size=batch_size,
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            images_per_second=batch_size * len(latencies) / sum(latencies),
            calls=len(latencies),
            load_seconds=load_seconds,
            peak_rss_mb=peak_rss_mb(),
            size_bytes=model.size_bytes,
            cpu=cpu_model(),
            cpu_cores=usable_cores(),
            gpu=_gpu(),
            load_average=load_average,
            versions={name: _version(name) for name in _PACKAGES[runtime]},
            measured_at=datetime.now(UTC),
        ),
    )


def load_average() -> float:
    """Runnable processes in the last minute; 0 where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _load(export: str | None, trial: str | None) -> LoadedModel:
    if export is not None:
        return loading.of_export(Path(export))
    assert trial is not None
    folder = Path(trial)
    return loading.of_trial(Store(folder.parents[1]).read(folder.name))


def _gpu() -> str | None:
    """The first GPU that TensorFlow has; the other runtimes compute on the processor."""
    if "tensorflow" not in sys.modules:
        return None
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        return str(tf.config.experimental.get_device_details(device).get("device_name", device))
    return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"

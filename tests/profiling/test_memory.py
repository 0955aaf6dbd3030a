"""The estimate by hand, and the readings against an array of known size."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from keras import layers

import cifarkit
from cifarkit.profiling import memory

ROOT = Path(cifarkit.__file__).parents[1]


def floats_printed_by(code: str) -> list[float]:
    """Run code in a fresh process, whose memory nothing else has touched."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return [float(word) for word in done.stdout.split()]


@pytest.mark.parametrize(
    ("outputs", "params", "batch_size", "expected"),
    [
        (0, 0, 128, 0.0),
        (0, 2**28, 1, 1024.0),  # 2**28 float32 are one GB
        (2**20, 0, 256, 1024.0),
        (51_332, 128_420, 128, 25.6),  # Simple CNN: 26.79 MB before rounding
        (0, 131_072, 1, 0.0),  # 0.0005 GB, rounded to an even digit
        (0, 140_000, 1, 1.024),
    ],
)
def test_published_estimate(outputs: int, params: int, batch_size: int, expected: float) -> None:
    assert memory.published_estimate_mb(outputs, params, batch_size) == expected


def test_layer_outputs_leave_the_input_out_and_count_a_model_once() -> None:
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Conv2D(5, 3)])
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, layers.Flatten()(inner(images)))
    assert memory.layer_outputs(model.layers) == 4 * 4 * 5 + 4 * 4 * 5


def test_layer_outputs_need_a_fixed_size() -> None:
    images = keras.Input((None, None, 3))
    model = keras.Model(images, layers.Conv2D(4, 3, name="first")(images))
    with pytest.raises(ValueError, match=r"'first' puts out .*fixed image size"):
        memory.layer_outputs(model.layers)


def test_peak_rises_by_an_array_of_known_size_and_stays() -> None:
    before, peak, resident, after, left = floats_printed_by(
        "import numpy as np\n"
        "from cifarkit.profiling.memory import peak_rss_mb, rss_mb\n"
        "rss_mb(); peak_rss_mb()\n"  # what the readings import is in the first figure
        "print(peak_rss_mb())\n"
        "array = np.ones(2**25)\n"  # 256 MB of float64, every page written
        "print(peak_rss_mb(), rss_mb())\n"
        "del array\n"
        "print(peak_rss_mb(), rss_mb())\n"
    )
    assert peak - before == pytest.approx(256, rel=0.03)
    assert resident == pytest.approx(peak, rel=0.03)
    assert after == pytest.approx(peak, abs=1)  # the kernel's own count is batched by some pages
    assert peak - left == pytest.approx(256, rel=0.03)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a mark of each program's own")
def test_peak_of_a_child_does_not_begin_with_the_parents() -> None:
    (peak,) = floats_printed_by(
        "import os, sys\n"
        "import numpy as np\n"
        "array = np.ones(2**25)\n"
        "code = 'from cifarkit.profiling.memory import peak_rss_mb; print(peak_rss_mb())'\n"
        "os.execv(sys.executable, [sys.executable, '-c', code])\n"
    )
    assert peak < 128


def test_peak_without_a_high_water_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_high_water_mb", lambda: None)
    assert memory.peak_rss_mb() >= 0.9 * memory.rss_mb()


def test_no_device_memory_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert memory.device_peak_mb() is None


def test_device_memory_is_the_peak_in_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    info = {"current": 1, "peak": 3 * 2**20}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda device: info)
    assert memory.device_peak_mb() == 3.0

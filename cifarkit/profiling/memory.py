"""Memory: the published study's estimate and measured peaks. MB is 2**20 bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cifarkit.profiling.layer_outputs import output_elements

if TYPE_CHECKING:
    import keras

_MB = 2**20
_BYTES_PER_FLOAT32 = 4


def published_estimate_mb(outputs_per_image: int, params: int, batch_size: int) -> float:
    """The published study's estimate of a training's memory, rounded as it was there.

    It counts one float32 for each output of the top-level layers and for each weight, in GB to
    three decimals, so every value is a multiple of 1.024 MB. It says little about the real peak.

    Args:
        outputs_per_image: Output elements per image of the top-level layers (`layer_outputs`).
        params: All weights of the model, trainable or not.
        batch_size: Images per step.

    Returns:
        MB, to three decimals.
    """
    floats = batch_size * outputs_per_image + params
    gigabytes = round(_BYTES_PER_FLOAT32 * floats / 1024**3, 3)
    return round(gigabytes * 1024, 3)


def layer_outputs(layers: Iterable[keras.layers.Layer]) -> int:
    """Output elements per image of the given layers together, input layers not counted.

    A model among them counts as one layer, by its output, as in the published study.

    Args:
        layers: Top-level layers of a functional model with a fixed image size.

    Raises:
        ValueError: A layer's output has no fixed size.
    """
    from keras.layers import InputLayer

    return sum(output_elements(layer) for layer in layers if not isinstance(layer, InputLayer))


def rss_mb() -> float:
    """Current resident memory of this process, in MB."""
    import psutil

    return float(psutil.Process().memory_info().rss) / _MB


def peak_rss_mb() -> float:
    """The highest resident memory of this process since it started, in MB.

    Includes memory that was freed again. The system keeps this value, so nothing is sampled.
    """
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / _MB
    high_water = _high_water_mb()
    if high_water is not None:
        return high_water

    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / _MB


def _high_water_mb() -> float | None:
    """Linux's high-water mark; None on other systems.

    It is reset by `exec`, whereas `ru_maxrss` is not: a child of a large parent would start at
    the parent's peak.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None


def device_peak_mb() -> float | None:
    """The highest memory that TensorFlow held on the first GPU, in MB; None without a GPU."""
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        return None
    return float(tf.config.experimental.get_memory_info("GPU:0")["peak"]) / _MB

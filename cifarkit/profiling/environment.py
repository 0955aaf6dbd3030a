"""The hardware and software that a trial runs on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from cifarkit.profiling import devices
from cifarkit.profiling.measurements import Environment
from cifarkit.version import __version__


def environment(*, precision: str, xla: bool) -> Environment:
    """Read the machine and the versions. Imports TensorFlow."""
    gpu, given = _gpu(), devices.assigned()
    device = given[0] if given and gpu else None
    return Environment(
        cpu=cpu_model(),
        cpu_cores=usable_cores(),
        memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
        gpu=gpu,
        platform=platform.platform(),
        python=platform.python_version(),
        tensorflow=version("tensorflow"),
        keras=version("keras"),
        cifarkit=__version__,
        commit=_commit(),
        precision=precision,
        xla=xla,
        onednn=_onednn(),
        threads=_threads(),
        gpu_uuid=device.uuid if device else None,
        gpu_driver=device.driver if device else None,
        gpu_memory_mb=device.memory_mb if device else None,
    )


def arithmetic() -> str:
    """The parts of the machine that affect rounding, in words."""
    device = _gpu() or f"{cpu_model()} with {_threads()} threads"
    onednn = {None: "as TensorFlow chooses", True: "on", False: "off"}[_onednn()]
    return f"{device}, oneDNN {onednn}"


def _threads() -> int:
    """Intra-op threads; TensorFlow defaults to one per core."""
    import tensorflow as tf

    asked = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    configured = int(tf.config.threading.get_intra_op_parallelism_threads())
    return configured or (int(asked) if asked.isdecimal() else 0) or usable_cores()


def cpu_model() -> str:
    """The processor's model name. Does not import TensorFlow."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores available to this process, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpu() -> str | None:
    import tensorflow as tf

    names = [
        tf.config.experimental.get_device_details(device).get("device_name", device.name)
        for device in tf.config.list_physical_devices("GPU")
    ]
    return ", ".join(names) or None


def _onednn() -> bool | None:
    asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    return None if asked is None else asked == "1"


def _commit() -> str | None:
    """The commit of cifarkit's own checkout; None where it is installed without one."""
    package = Path(__file__).resolve().parents[2]
    if not (package / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            cwd=package,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
